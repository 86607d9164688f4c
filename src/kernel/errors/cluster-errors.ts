/** Errors of the cluster area: codes `CLUSTER-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const clusterErrors = {
  'CLUSTER-NOT-RUN': {
    disposition: 'refuse',
    summary: 'This command does not work on a pipeline with engine: cluster in this version.',
    remedy:
      'firn generate writes what the cluster would be told; engine: embedded runs the same pipeline on this machine.',
  },
  'CLUSTER-SECRET': {
    disposition: 'refuse',
    summary: 'A secret cannot be handed to the workers of the cluster by reference.',
    remedy:
      'Set cluster.connect.passwordReference to a reference of one of the workers’ config providers, such as ${env:SHOP_PASSWORD}.',
  },
  'CLUSTER-OUTPUT-TAKEN': {
    disposition: 'refuse',
    summary: 'The folder for the generated files holds other files.',
    remedy: 'Name a new folder, or one that firn generate has written.',
  },
  'CLUSTER-UNREACHABLE': {
    disposition: 'retry',
    summary: 'A service of the cluster could not be reached, or is not ready.',
    remedy:
      'Look at the service that is named, at its address in the pipeline file and at the network.',
  },
  'CLUSTER-SILENT': {
    disposition: 'verify',
    summary: 'A service of the cluster did not answer in time: what was asked may be done or not.',
    remedy: 'Look at the service that is named; Firn looks at what is there before it asks again.',
  },
  'CLUSTER-REFUSED': {
    disposition: 'halt-pipeline',
    summary: 'A service of the cluster refused what Firn asked.',
    remedy: 'The message has the service’s own first words. Its log says more.',
  },
  'CLUSTER-ANSWER': {
    disposition: 'halt-pipeline',
    summary: 'A service of the cluster answered something that Firn does not understand.',
    remedy:
      'Is the address that of the service? docs/engines.md names the versions that are known.',
  },
  'CLUSTER-STATEMENT': {
    disposition: 'halt-pipeline',
    summary: 'Flink or Spark could not carry out a statement.',
    remedy: 'The message has the engine’s own first words; firn generate shows the statement.',
  },
} as const satisfies Record<string, ErrorSpec>;
