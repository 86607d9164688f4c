/** Names in statements for MySQL and MariaDB. */
import { assert } from '../kernel/assert.ts';

/** A name in backticks; both servers refuse NUL in names, whatever the quotes. */
export function quoteMysqlName(name: string): string {
  assert(!name.includes('\0'), 'no name of MySQL holds NUL');
  return `\`${name.replaceAll('`', '``')}\``;
}
