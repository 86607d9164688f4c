/** What people are told of records that were set aside unread (docs/spec/cluster.md E22). */
import { formatAmount } from './human-text.ts';

/** The way out. */
export const LOAD_AGAIN =
  '`firn bootstrap FILE --table T` reads the rows from the source; the table of dead letters says why.';

/** How many there are, and what follows. */
export function deadLettersText(count: number): string {
  const records = formatAmount(count, 'record');
  return `${records} of the topic could not be read: the table may lack ${count === 1 ? 'it' : 'them'}`;
}
