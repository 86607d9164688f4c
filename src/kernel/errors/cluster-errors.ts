/** Errors of the cluster area: codes `CLUSTER-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const clusterErrors = {
  'CLUSTER-TABLE': {
    disposition: 'halt-table',
    summary: 'The cluster engine cannot carry the table exactly.',
    remedy: 'Leave the column out, rename it, or run the table with engine: embedded.',
  },
  'CLUSTER-NOT-CARRIED': {
    disposition: 'halt-pipeline',
    summary: 'Something happened at the source that Debezium carries wrongly or not at all.',
    remedy:
      'End what does it, then `firn apply FILE`, and load the tables that it changed again: `firn bootstrap FILE --table T`. Or use engine: embedded, which carries it.',
  },
  'CLUSTER-NAME-TAKEN': {
    disposition: 'halt-pipeline',
    summary:
      'Kafka or Connect has something of the pipeline’s name that this pipeline has not made.',
    remedy:
      'Rename the pipeline, or remove the topic or connector that is named once nobody needs it.',
  },
  'CLUSTER-HISTORY-LOST': {
    disposition: 'halt-pipeline',
    summary: 'Debezium’s record of the tables’ columns is lost: its connector cannot go on.',
    remedy: 'Put the topic back from a backup, or begin the pipeline anew under another name.',
  },
  'CLUSTER-TOPIC-LOST': {
    disposition: 'refresh',
    summary: 'Changes that were not in the ledger yet are gone from Kafka.',
    remedy: 'Nothing to do: the table is loaded again by itself.',
  },
  'CLUSTER-SECRET': {
    disposition: 'refuse',
    summary: 'A secret cannot be handed to the workers of the cluster by reference.',
    remedy:
      'Set cluster.connect.passwordReference to a reference of one of the workers’ config providers, such as ${env:SHOP_PASSWORD}; for Spark, cluster.spark.passwordVariable to a variable of its environment.',
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
  'CLUSTER-TABLE-REFUSED': {
    disposition: 'halt-table',
    summary: 'A table cannot be carried by the engine: cluster.',
    remedy:
      'The message says why; `exclude` or `rename` in the pipeline file take a column out of the way, engine: embedded carries the table as it is.',
  },
  'CLUSTER-BOOTSTRAP': {
    disposition: 'halt-table',
    summary: 'Spark cannot read a table’s rows exactly as Firn reads them.',
    remedy:
      'Set cluster.bootstrap: firn, or take the column that is named out of the way with `exclude`; then `firn resume`.',
  },
  'CLUSTER-OTHER-SERVER': {
    disposition: 'halt-table',
    summary: 'Connections to the source end at different servers.',
    remedy:
      'Give in source.host an address that leads to one server, from here and from Spark’s machines alike, or set cluster.bootstrap: firn; then `firn resume`.',
  },
  'CLUSTER-ROW-TOO-LARGE': {
    disposition: 'halt-table',
    summary: 'A row is longer than a record of Kafka may be.',
    remedy:
      'Leave the column with the long values out (`exclude`), or run the table with engine: embedded.',
  },
  'CLUSTER-JOB-FAILED': {
    disposition: 'retry',
    summary: 'The Flink job that writes the ledgers ends again and again.',
    remedy: 'The message has the reason that Flink gives; the log of its TaskManagers says more.',
  },
  'CLUSTER-STATEMENT': {
    disposition: 'halt-pipeline',
    summary: 'Flink or Spark could not carry out a statement.',
    remedy: 'The message has the engine’s own first words; firn generate shows the statement.',
  },
} as const satisfies Record<string, ErrorSpec>;
