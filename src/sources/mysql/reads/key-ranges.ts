/**
 * How another program reads a table: ranges of the key whose borders the server decides, and the
 * proof that its connections are at the same server (docs/spec/cluster.md E25).
 */
import { assert } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { keyColumns } from '../../../model/table-schema.ts';
import {
  SERVER_NAMES,
  foreignSession,
  isSameServer,
} from '../../../mysql/sessions/foreign-session.ts';
import { fromRange, selectBorder } from '../../../mysql/table-statements.ts';
import type { ChangeSource, ForeignRead, SourceMark } from '../../../ports/source.ts';
import { RowSession } from './row-session.ts';
import {
  keyColumnsOf,
  keyLiteralsAt,
  openReadConnection,
  planReading,
  tableError,
} from './table-reading.ts';
import type { TableReadParts, TableReading } from './table-reading.ts';
import type { LogPlace } from '../log/log-place.ts';

/** So many ranges have the rows that were asked for; the next as many have twice as many each. */
const DOUBLING_RANGES = 64;

const BORDER_LIMITS = { rowsMax: 1, bytesMax: 4 * 1024 * 1024 };

/** A place that was taken before anything is read, and its mark. */
export interface ReadPlace {
  readonly place: LogPlace;
  readonly mark: SourceMark;
}

/** Plans the read of a table by another program. */
export async function planForeignRead(
  parts: TableReadParts & { readonly lowPlace: () => Promise<ReadPlace> },
  request: Parameters<NonNullable<ChangeSource['planRead']>>[0],
): Promise<ForeignRead> {
  const { schema } = request;
  assert(schema.keyColumnIds.length > 0, 'a table without a key is not bootstrapped');
  const connection = await openReadConnection(parts);
  let session: RowSession | null = null;
  try {
    const { flavour } = connection.server;
    if (request.low !== null) await parts.prove(connection, request.low);
    const reading = await planReading(connection, parts.rules, schema);
    const [server] = await connection.query(`SELECT ${SERVER_NAMES[flavour].join(', ')}`);
    session = new RowSession(connection, parts.clock);
    const borders = await findBorders(reading, session, request);
    session.close();
    const { place, mark } = await parts.lowPlace();
    const names = (server ?? []).map((name) => name ?? '');
    // As a place has it: the last of what tells servers apart.
    const own = flavour === 'mysql' ? names.at(-1)?.toLowerCase() : `id-${names.at(-1)}`;
    if (own !== place.serverUuid) {
      const what = 'Two connections, made one after the other, ended at different servers';
      throw new FirnError('BOOTSTRAP-OTHER-SOURCE', { what, where: connection.where });
    }
    const proof = { flavour, server: names, executed: place.gtids };
    return {
      mark,
      isSame: isSameServer(proof),
      session: foreignSession(proof),
      ranges: [null, ...borders].map((after, index) => {
        return fromRange(reading.statement, { after, upTo: borders[index] ?? null });
      }),
    };
  } catch (error) {
    session?.destroy();
    connection.destroy();
    throw tableError(error, schema);
  }
}

/** Keys between ranges, in order. */
async function findBorders(
  reading: TableReading,
  session: RowSession,
  request: Parameters<NonNullable<ChangeSource['planRead']>>[0],
): Promise<readonly (readonly string[])[]> {
  const borders: (readonly string[])[] = [];
  const keys = { ...reading.schema, columns: keyColumns(reading.schema) };
  for (let after: readonly string[] | null = null; ;) {
    const rows = request.rangeRows * 2 ** Math.floor(borders.length / DOUBLING_RANGES);
    const columns = keyColumnsOf(reading);
    let border: readonly string[] | null = null;
    for await (const found of session.rows(
      selectBorder(reading.statement, { after, upTo: null }, rows),
      {
        columns,
        limits: BORDER_LIMITS,
        signal: request.signal,
      },
    )) {
      border = keyLiteralsAt(reading, { schema: keys, ...found }, 0);
    }
    if (border === null) return borders;
    borders.push(border);
    after = border;
  }
}
