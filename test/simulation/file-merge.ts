/**
 * The merge of the simulated engine: docs/spec/merge.md read rule by rule over rows in memory. It
 * shares no line with the embedded engine, so that each can show the other wrong.
 */
import type { DataFile } from '../../src/iceberg/manifest.ts';
import type { ScanFile } from '../../src/iceberg/scan-file.ts';
import { encodeSingleValue, valueOrder } from '../../src/iceberg/single-value.ts';
import { bindTransform } from '../../src/iceberg/transform.ts';
import { present } from '../../src/kernel/assert.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { REREAD_ROW, compareMarks, compareSequences } from '../../src/model/change-sequence.ts';
import type { ChangeSequence } from '../../src/model/change-sequence.ts';
import { keyColumns } from '../../src/model/table-schema.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type {
  Bucketing,
  MergeApplyRequest,
  MergeFiles,
  MergeRules,
  MergeSession,
  MergeWindowSummary,
  RowEngine,
} from '../../src/ports/row-engine.ts';
import { keyText } from '../oracles/fold-events.ts';
import { cellValue } from './row-cells.ts';
import { readDeletes, readLiveRows, writeDeletes, writeRows } from './row-files.ts';
import type { NamedRow, PlacedRow, RowFileContext } from './row-files.ts';

type WindowRequest = Parameters<RowEngine['openMerge']>[0];

/** A ledger row that a merge looks at. */
interface LedgerRow extends ChangeSequence {
  readonly op: string;
  readonly key: string;
  readonly file: bigint;
  readonly row: number;
  readonly values: NamedRow;
}

/** The newest change of each key, and the newest truncate. */
export interface Winners {
  readonly byKey: ReadonlyMap<string, LedgerRow>;
  readonly truncated: boolean;
  readonly events: number;
  readonly repeats: number;
  readonly overruled: number;
}

/** Text of a row's key. */
export function rowKey(schema: TableSchema, row: NamedRow): string {
  return keyText(keyColumns(schema).map(({ name }) => row[name] ?? null));
}

function ledgerRow(schema: TableSchema, { row, scan }: PlacedRow): LedgerRow {
  const op = row['_firn_op'] ?? '';
  return {
    op,
    epoch: Number(row['_firn_epoch']),
    seq: BigInt(row['_firn_seq'] ?? 0),
    row: Number(row['_firn_row']),
    key: op === 't' ? '' : rowKey(schema, row),
    file: scan.dataSequenceNumber,
    values: row,
  };
}

/** Decides which changes of a window count. */
export async function findWinners(
  context: RowFileContext,
  request: Pick<WindowRequest, 'schema' | 'window' | 'older' | 'rules'>,
): Promise<Winners> {
  const { schema, rules } = request;
  const read = async (files: readonly ScanFile[]): Promise<readonly LedgerRow[]> => {
    const rows: LedgerRow[] = [];
    for (const scan of files) {
      for (const row of await readLiveRows(context, scan)) rows.push(ledgerRow(schema, row));
    }
    return rows.filter((row) => compareMarks(row, rules.to) <= 0);
  };
  const window = await read(request.window);
  const known = [...window, ...(await read(await request.older()))];
  refuseConflicts(schema, window);
  const regular = window.filter((row) => row.row !== REREAD_ROW && isNew(row, rules));
  const rereads = window.filter((row) => row.row === REREAD_ROW && row.file > rules.rereadsAfter);
  const standing = rereads.filter(
    (row) => isNew(row, rules) || !known.some((other) => overrules(other, row)),
  );
  const counted = [...regular, ...standing].sort(compareRows);
  const byKey = new Map<string, LedgerRow>();
  let truncated = false;
  for (const row of counted) {
    if (row.op === 't') {
      byKey.clear();
      truncated = true;
    } else {
      byKey.set(row.key, row);
    }
  }
  return {
    byKey,
    truncated,
    events: window.length,
    repeats: window.length - regular.length - rereads.length,
    overruled: rereads.length - standing.length,
  };
}

function isNew(row: LedgerRow, rules: MergeRules): boolean {
  return rules.from === null || compareMarks(row, rules.from) > 0;
}

function compareRows(left: LedgerRow, right: LedgerRow): number {
  return compareSequences(left, right) || (left.file < right.file ? -1 : 1);
}

/** Whether a retained row makes a late re-read worthless (spec: M9). */
function overrules(other: LedgerRow, late: LedgerRow): boolean {
  const concerned = other.op === 't' || other.key === late.key;
  if (!concerned || other === late) return false;
  const order = compareSequences(other, late);
  return order > 0 || (order === 0 && other.file > late.file);
}

function refuseConflicts(schema: TableSchema, rows: readonly LedgerRow[]): void {
  const content = new Map<string, string>();
  for (const row of rows) {
    if (row.row === REREAD_ROW) continue;
    const identity = `${row.epoch} ${row.seq} ${row.row} ${row.key}`;
    const cells = schema.columns.map(({ name }) => row.values[name] ?? null);
    const said = JSON.stringify([row.op, cells]);
    if ((content.get(identity) ?? said) !== said) {
      throw new FirnError('MERGE-IDENTITY-CONFLICT', { what: `two contents of ${identity}` });
    }
    content.set(identity, said);
  }
}

/** Bucket of a row. */
export function bucketOf(schema: TableSchema, bucketing: Bucketing, row: NamedRow): number {
  const { columnName, count } = bucketing;
  const column = present(
    schema.columns.find(({ name }) => name === columnName),
    'the bucket column',
  );
  const transform = bindTransform({ kind: 'bucket', count }, column.type);
  return Number(transform(cellValue(column.type, present(row[columnName], 'a key'))));
}

/** Rows as one sorted file per bucket. */
export async function writeBuckets(
  context: RowFileContext,
  into: {
    readonly schema: TableSchema;
    readonly target: MergeApplyRequest['target'];
    readonly bucketing: Bucketing;
  },
  rows: readonly NamedRow[],
): Promise<readonly DataFile[]> {
  const { schema, target, bucketing } = into;
  const buckets = Map.groupBy(rows, (row) => bucketOf(schema, bucketing, row));
  const files: DataFile[] = [];
  for (const [bucket, members] of buckets) {
    const sorted = members.toSorted((left, right) =>
      rowKey(schema, left) < rowKey(schema, right) ? -1 : 1,
    );
    files.push(await writeRows(context, { target, partition: [bucket], rows: sorted }));
  }
  return files;
}

/** Opens a merge over a window. */
export async function openFileMerge(
  context: RowFileContext,
  request: WindowRequest,
): Promise<MergeSession> {
  const winners = await findWinners(context, request);
  return {
    summary: summarise(request, winners),
    apply: (into) => apply(context, { request, winners, into }),
    async close() {
      // Nothing is held.
    },
  };
}

function summarise(request: WindowRequest, winners: Winners): MergeWindowSummary {
  const { schema, bucketing } = request;
  const { byKey, truncated, events, repeats, overruled } = winners;
  const rows = [...byKey.values()].map(({ values }) => values);
  const first = present(keyColumns(schema)[0], 'a key');
  const keys = rows
    .map((row) => cellValue(first.type, present(row[first.name], 'a key')))
    .toSorted(valueOrder(first.type));
  const lower = keys[0];
  const upper = keys.at(-1);
  const keyBounds =
    lower === undefined || upper === undefined
      ? null
      : {
          lower: encodeSingleValue(first.type, lower),
          upper: encodeSingleValue(first.type, upper),
        };
  const buckets = [...new Set(rows.map((row) => bucketOf(schema, bucketing, row)))].sort(
    (left, right) => left - right,
  );
  return { events, repeats, overruled, keys: byKey.size, truncated, buckets, keyBounds };
}

async function apply(
  context: RowFileContext,
  merge: {
    readonly request: WindowRequest;
    readonly winners: Winners;
    readonly into: MergeApplyRequest;
  },
): Promise<MergeFiles> {
  const { request, winners, into } = merge;
  const { schema } = request;
  const { target, bucketing } = into;
  const found = [];
  for (const scan of into.files) {
    const live = await readLiveRows(context, scan);
    const hits = live.filter(
      ({ row }) => winners.truncated || winners.byKey.has(rowKey(schema, row)),
    );
    const deletedBefore = (await readDeletes(context, scan)).size;
    found.push({ scan, live, hits, deletedBefore, deletedNow: hits.length });
  }
  const rewrites = into.chooseRewrites(found);
  const inserted = [...winners.byKey.values()]
    .filter(({ op }) => op !== 'd')
    .map(({ values }) => columnsOf(target.icebergSchema.fields, values));
  const rows = [...inserted];
  const addedDeletes: DataFile[] = [];
  const removedData: DataFile[] = [];
  const removedDeletes = new Map<string, DataFile>();
  let rowsDeleted = 0;
  for (const { scan, live, hits, deletedBefore } of found) {
    rowsDeleted += hits.length;
    const isGone = hits.length === live.length;
    const isRewritten = rewrites.has(scan.file.filePath);
    if (!isGone && !isRewritten && hits.length === 0) continue;
    for (const file of scan.deletes) removedDeletes.set(file.filePath, file);
    if (isGone || isRewritten) {
      removedData.push(scan.file);
      for (const kept of live) if (!hits.includes(kept)) rows.push(kept.row);
      continue;
    }
    const positions = [
      ...(deletedBefore > 0 ? await readDeletes(context, scan) : []),
      ...hits.map(({ position }) => position),
    ].sort((left, right) => left - right);
    addedDeletes.push(await writeDeletes(context, target, { data: scan.file, positions }));
  }
  const addedData = await writeBuckets(context, { schema, target, bucketing }, rows);
  return {
    addedData,
    addedDeletes,
    removedData,
    removedDeletes: [...removedDeletes.values()],
    rowsDeleted,
    rowsInserted: inserted.length,
  };
}

function columnsOf(fields: readonly { readonly name: string }[], row: NamedRow): NamedRow {
  return Object.fromEntries(fields.map(({ name }) => [name, row[name] ?? null]));
}
