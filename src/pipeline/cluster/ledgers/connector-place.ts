/**
 * The place in the source's log that Connect has stored for a connector of Firn's own: one, of one
 * source, once Debezium has read the tables' definitions. Anything else is no place to go on from.
 */
import type { ConnectorOffset } from '../../../engines/cluster/connect-client.ts';
import { numberAt, textAt, valueAt } from '../../../engines/cluster/json-answer.ts';
import type { ForeignPlace } from '../../../ports/source.ts';

/** Where a connector has stored that it stands; `null`: it has not begun to read yet. */
export function placeOf(stored: readonly ConnectorOffset[]): ForeignPlace | null {
  const [only] = stored;
  const offset = stored.length === 1 ? (only?.offset ?? null) : null;
  // While Debezium still reads the tables' definitions it keeps a mark of it beside its place.
  if (offset === null || valueAt(offset, 'snapshot') !== undefined) return null;
  const fileName = textAt(offset, 'file');
  const pos = numberAt(offset, 'pos');
  if (fileName === null || pos === null) return null;
  return { fileName, offset: BigInt(pos), transactions: textAt(offset, 'gtids') };
}
