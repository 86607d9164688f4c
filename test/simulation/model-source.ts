/**
 * The source port over a {@link ModelDatabase}: a log that is read by number, reads of rows at one
 * moment each, and nothing else. What the port leaves open is used up: low marks are early, chunks
 * small, batches end inside transactions, borders are left out.
 */
import { assert, present } from '../../src/kernel/assert.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import type {
  BootstrapChunk,
  BootstrapRequest,
  BorderRequest,
  ChangeSource,
  SourceMark,
} from '../../src/ports/source.ts';
import { positionAt, rereads, seqAt, sourceTable } from './model-places.ts';
import type { ModelSourceParts } from './model-places.ts';
import { modelStream } from './model-stream.ts';
import { rowBatch, textRows } from './row-cells.ts';

const CHUNK_ROWS = 3;

/** How long reading a chunk takes. */
const CHUNK_MS = 150;

/** Opens a source over `parts.database`. */
export function createModelSource(parts: ModelSourceParts): ChangeSource {
  const { database } = parts;
  const markAt = (epoch: number, seq: bigint): SourceMark => {
    return { position: positionAt(database, seq), completeTo: { epoch, seq } };
  };
  // Early by one transaction, which is safe (spec: O9), but never what is forgotten, and never
  // before a capture began.
  const earlyMark = (epoch: number): SourceMark => {
    const early = database.lastSeq - 1n;
    const isThere = early > database.forgottenTo && early >= database.lastCapture;
    return markAt(epoch, isThere ? early : database.lastSeq);
  };
  return {
    kind: 'model',
    delivery: 'poll',
    keepsLog: 'until-acknowledged',
    discover: async () =>
      (database.reach(), database.tables()).map((table) => sourceTable(parts, table)),
    check: async () => [],
    identify: async () => ({
      sourceId: database.incarnation,
      label: `model:${database.incarnation}`,
    }),
    async prepare(tables) {
      for (const { table } of tables) {
        if (database.table(table.table) !== null) database.capture(table.table);
      }
    },
    lowMark: async (epoch) => earlyMark(epoch),
    highMark: async (epoch) => markAt(epoch, database.lastSeq),
    bootstrap: (request) => chunks(parts, request),
    border: (request) => borderOf(parts, request),
    async readAll({ schema, epoch }) {
      const rows = [...present(database.table(schema.table.table), 'the table').rows.values()];
      const batch = rowBatch(schema, rows);
      return {
        // What is returned is of now, but the port allows to know that only roughly.
        low: earlyMark(epoch),
        high: markAt(epoch, database.lastSeq),
        batches: (async function* () {
          yield batch;
        })(),
      };
    },
    async readKeys({ keys, epoch }) {
      return rereads(database, { schema: keys.schema, epoch, keys: textRows(keys) });
    },
    stream: (request) => modelStream(parts, request),
    async acknowledge(position) {
      assert(position.sourceId === database.incarnation, 'a position of this database');
      database.forget(seqAt(position));
    },
    oldest: (left, right) => (seqAt(right) < seqAt(left) ? right : left),
    newest: (left, right) => (seqAt(right) > seqAt(left) ? right : left),
    async verifyPosition(position) {
      const seq = seqAt(position);
      const isKnown = position.token === positionAt(database, seq).token;
      if (isKnown && seq <= database.lastSeq && seq >= database.forgottenTo)
        return { kind: 'valid' };
      return { kind: 'broken', reason: `The database does not know ${position.token}.` };
    },
    lag: async (position) => ({ changes: database.lastSeq - seqAt(position) }),
    uninstallPlan: async () => database.captured().map((name) => `release ${name}`),
    async uninstall() {
      database.release();
    },
    close: () => Promise.resolve(),
  };
}

async function borderOf(
  parts: ModelSourceParts,
  { schema, after, rows, low }: BorderRequest,
): Promise<string | null> {
  assertPassed(parts, low);
  const table = present(parts.database.table(schema.table.table), 'the table');
  const keys = [...table.rows.keys()].sort();
  return keys.filter((key) => after === null || key > after)[rows - 1] ?? null;
}

function assertPassed({ database }: ModelSourceParts, low: BootstrapRequest['low']): void {
  if (low === null || low === undefined || seqAt(low) <= database.lastSeq) return;
  throw new FirnError('BOOTSTRAP-OTHER-SOURCE', { what: 'the low mark is ahead' });
}

async function* chunks(
  parts: ModelSourceParts,
  request: Parameters<ChangeSource['bootstrap']>[0],
): AsyncGenerator<BootstrapChunk> {
  const { schema, signal } = request;
  const { database, clock } = parts;
  const size = Math.min(request.chunkRowsMax, parts.chunkRowsMax ?? CHUNK_ROWS);
  let after = request.after;
  for (;;) {
    await clock.sleep(CHUNK_MS, signal);
    if (signal.aborted) return;
    assertPassed(parts, request.low);
    const table = database.table(schema.table.table);
    if (table === null) {
      throw new FirnError('SOURCE-TABLE-MISSING', {
        what: 'the table is gone',
        where: schema.table.table,
      });
    }
    const { upTo = null } = request;
    const keys = [...table.rows.keys()]
      .sort()
      .filter((key) => (after === null || key > after) && (upTo === null || key <= upTo));
    const chosen = keys.slice(0, size);
    const isLast = keys.length <= size;
    after = isLast ? null : present(chosen.at(-1), 'a key');
    const rows = chosen.map((key) => present(table.rows.get(key), key));
    yield { rows: rowBatch(schema, rows), cursor: after };
    if (isLast) return;
  }
}
