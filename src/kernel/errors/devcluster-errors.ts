/** Errors of the development cluster: codes `DEVCLUSTER-…`. A code is never reused. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const devclusterErrors = {
  'DEVCLUSTER-BUSY': {
    disposition: 'refuse',
    summary: 'Another firn cluster up or down, or a demo, works on the folder.',
    remedy: 'Wait for it to end, or end it.',
  },
  'DEVCLUSTER-FETCH': {
    disposition: 'refuse',
    summary: 'The programs of the development cluster could not be fetched.',
    remedy:
      'The log that is named says why. What was fetched is kept: run the command again when the package registry can be reached.',
  },
  'DEVCLUSTER-FOLDER': {
    disposition: 'refuse',
    summary: 'The folder cannot hold the development cluster.',
    remedy:
      'Name a new folder, or one that firn cluster up has made. Its path may hold letters, digits and / . _ - + @ =.',
  },
  'DEVCLUSTER-PORT': {
    disposition: 'refuse',
    summary: 'Another program has a port that the development cluster needs.',
    remedy: 'End that program, or choose other ports: --port-base N.',
  },
  'DEVCLUSTER-PROGRAM': {
    disposition: 'refuse',
    summary: 'A program that the development cluster needs is not on this machine.',
    remedy:
      'Install Java 17 or 21 and Maven (Debian: apt-get install openjdk-17-jre-headless maven); --s3 needs Python 3 with pip as well.',
  },
  'DEVCLUSTER-RUNNING': {
    disposition: 'refuse',
    summary: 'The cluster runs with other settings.',
    remedy: 'firn cluster down ends it; the next firn cluster up takes the new settings.',
  },
  'DEVCLUSTER-START': {
    disposition: 'refuse',
    summary: 'A server of the development cluster did not start.',
    remedy:
      'The log that is named says more. What runs goes on running: firn cluster up starts what is missing, firn cluster down ends all.',
  },
} as const satisfies Record<string, ErrorSpec>;
