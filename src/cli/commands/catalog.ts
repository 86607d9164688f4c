/** `firn catalog serve`: said to be missing, in place of an unknown command. */
import { FirnError } from '../../kernel/firn-error.ts';
import type { Command } from '../command.ts';

/** Refuses with CONFIG-NOT-SUPPORTED. */
export const catalog: Command = () =>
  Promise.reject(
    new FirnError('CONFIG-NOT-SUPPORTED', {
      what: 'firn catalog serve is not in this version',
      remedy:
        'Open the catalog’s database itself: PyIceberg and Java engines read it as a SQL catalog.',
    }),
  );
