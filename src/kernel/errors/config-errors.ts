/** Errors of the config area: codes `CONFIG-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const configErrors = {
  'CONFIG-INVALID': {
    disposition: 'refuse',
    summary: 'The pipeline file has problems; each is listed with its line and column.',
    remedy: 'Correct the lines that are named. docs/reference/config.md lists every option.',
  },
  'CONFIG-NOT-FOUND': {
    disposition: 'refuse',
    summary: 'There is no pipeline file at this path.',
    remedy: 'Name a pipeline file, or a folder that holds firn.yaml; firn init writes one.',
  },
  'CONFIG-UNREADABLE': {
    disposition: 'refuse',
    summary: 'The pipeline file cannot be read as text.',
    remedy: 'Check that it is a file of UTF-8 text which you may read.',
  },
  'CONFIG-USAGE': {
    disposition: 'refuse',
    summary: 'The command was used in a way it does not understand.',
    remedy: 'firn COMMAND --help shows its arguments and options.',
  },
  'CONFIG-NOT-SUPPORTED': {
    disposition: 'refuse',
    summary: 'This version of Firn does not do this yet.',
    remedy:
      'This version copies SQLite, MySQL and MariaDB databases with the embedded engine: firn demo shows it.',
  },
  'CONFIG-SOURCE-UNKNOWN': {
    disposition: 'refuse',
    summary: 'The source is not a database that Firn knows.',
    remedy:
      'Name a SQLite database by its path, or a server: mysql://USER:PASSWORD@HOST:PORT/DATABASE, or mariadb://.',
  },
  'CONFIG-SOURCE-DIFFERS': {
    disposition: 'refuse',
    summary: 'The pipeline file in the folder names another source.',
    remedy: 'Choose another folder for this source, or run the pipeline file itself.',
  },
  'CONFIG-SECRET-MISSING': {
    disposition: 'refuse',
    summary: 'A secret is not where the pipeline file says.',
    remedy:
      'Set the environment variable, or make the file or the program that the pipeline file names.',
  },
  'CONFIG-FILE-EXISTS': {
    disposition: 'refuse',
    summary: 'There is a file already where the pipeline file would be written.',
    remedy: 'Choose another name with -o, or remove the file.',
  },
  'CONFIG-WRITE-FAILED': {
    disposition: 'refuse',
    summary: 'The pipeline file cannot be written.',
    remedy: 'Choose a folder in which you may write, or free some space.',
  },
  'CONFIG-CONFIRM': {
    disposition: 'refuse',
    summary: 'The command removes something, was not told --yes, and there is nobody to ask.',
    remedy: 'Look at what it would remove, then repeat it with --yes.',
  },
  'CONFIG-DEMO-FOLDER': {
    disposition: 'refuse',
    summary: 'The folder of the demo holds something that the demo did not make.',
    remedy: 'Move the folder firn-demo away, or start the demo in another folder.',
  },
  'CONFIG-DEMO-SERVER': {
    disposition: 'refuse',
    summary: 'The demo has no database server that it can use.',
    remedy:
      'Give it one, firn demo mysql://USER:PASSWORD@HOST, whose user may create the database firn_demo; or put mysqld or mariadbd in PATH; or see firn demo sqlite.',
  },
  'CONFIG-RUNTIME-FOLDER': {
    disposition: 'refuse',
    summary: 'The folder for locks and sockets cannot be used.',
    remedy: 'Set XDG_RUNTIME_DIR to a folder that only you may write.',
  },
} as const satisfies Record<string, ErrorSpec>;
