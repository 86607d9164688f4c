/**
 * A merge of one window into a base (docs/spec/merge.md M7 to M18): finds the live base rows of the
 * window's keys by joining on the key columns alone, writes position deletes for them, and writes
 * the newest rows, with the live rows of files worth rewriting, as one sorted file per bucket.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import { fileKey } from '../../iceberg/manifest.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { assert, present } from '../../kernel/assert.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { groupBySize } from '../../merge/choose-rewrites.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type {
  FoundFile,
  MergeApplyRequest,
  MergeFiles,
  MergeSession,
} from '../../ports/row-engine.ts';
import { keyName, keysEqual } from '../../sql/merge-statements.ts';
import { columnAlias, copyToRun, rowColumn, runRelation } from '../../sql/parquet-statements.ts';
import type { ParquetColumn } from '../../sql/parquet-statements.ts';
import { readRows, runAll } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { fileRows } from './query/file-rows.ts';
import { nameDamage } from './query/damaged-files.ts';
import type { HeldFiles } from './query/file-rows.ts';
import { holdParts } from './local-files.ts';
import { openWindow, windowFiles } from './merge-window.ts';
import type { MergeWindow, WindowRequest } from './merge-window.ts';
import { dropStaged, uploadFiles } from './parquet-writer.ts';
import type { FileContext, StagedFile } from './parquet-writer.ts';
import { deleteFilesOf, isForOneFile, loadDeletes, stageDeletes } from './position-deletes.ts';
import type { OpenEngine } from './open-engine.ts';
import { keyOrder } from './base-writer.ts';
import { fileBytes, stageBuckets, widthOf } from './table-rows.ts';
import type { NewRows } from './table-rows.ts';
import {
  LAST_UPDATED_ALIAS,
  LINEAGE_COLUMNS,
  ROW_ID_ALIAS,
  keepsRowIds,
  rewrittenSchema,
  rowIdOf,
} from './v3/row-lineage.ts';
import { stageVector } from './v3/stage-vector.ts';

/**
 * Opens a session on a connection of its own.
 *
 * @throws FirnError MERGE-IDENTITY-CONFLICT
 */
export async function openMergeSession(
  context: FileContext,
  { instance, sortBytesMax }: Pick<OpenEngine, 'instance' | 'sortBytesMax'>,
  request: WindowRequest,
): Promise<MergeSession> {
  const connection = await instance.connect();
  let window: MergeWindow;
  try {
    window = await openWindow(context, connection, request);
  } catch (error) {
    connection.closeSync();
    throw error;
  }
  let open = true;
  return {
    summary: window.summary,
    apply: (into) => applyWindow({ context, connection, request, window, into, sortBytesMax }),
    async close() {
      if (!open) return;
      open = false;
      connection.closeSync();
      await windowFiles(window).release();
    },
  };
}

/** Everything one application works with. */
interface Application {
  readonly context: FileContext;
  readonly connection: Api.DuckDBConnection;
  readonly request: WindowRequest;
  readonly window: MergeWindow;
  readonly into: MergeApplyRequest;
  readonly sortBytesMax: number;
}

/** A base file with what becomes of it. */
interface Fate extends FoundFile {
  readonly index: number;
  readonly kind: 'untouched' | 'deleted-from' | 'rewritten' | 'gone';
}

async function applyWindow(application: Application): Promise<MergeFiles> {
  const { context, connection, into, window } = application;
  const { files } = into;
  const { truncated } = window.summary;
  // Of files that go as a whole, only what equality deletes left is asked for.
  const read = files.filter((scan) => !truncated || scan.equalityDeletes !== undefined);
  const fieldIds = readFields(application).map(({ fieldId }) => fieldId);
  const local = await holdParts(context.store, {
    parts: read.map(({ file }) => file),
    columns: { connection, fieldIds },
    whole: deleteFilesOf(files),
  });
  const staged: StagedFile[] = [];
  const runs: string[] = [];
  try {
    const held = { files, local };
    await runAll(
      connection,
      TABLES.map((table) => `DROP TABLE IF EXISTS ${table}`),
    );
    await local.examine(connection);
    await loadDeletes(connection, { name: 'dead', files, local, shared: false });
    await createHits(application, held);
    const fates = decide(await findFiles(application), into);
    await runAll(connection, ['INSERT INTO dead SELECT fi, pos FROM hits']);
    const deletes = await stageAllDeletes(application, fates);
    staged.push(...deletes);
    const added = await findAdded(application, runs);
    const data = await stageData(application, { held, fates, added });
    staged.push(...data);
    const addedDeletes = await uploadFiles(context, deletes);
    const addedData = await uploadFiles(context, data);
    return { addedData, addedDeletes, ...removals(fates), rowsInserted: added.rowCount };
  } catch (error) {
    await dropStaged(staged);
    throw await nameDamage(connection, [window.ledger, { files: read, local }], error);
  } finally {
    for (const run of runs) await rm(run, { force: true });
    await local.release();
  }
}

const TABLES = ['dead', 'hits'];

/** The key columns of the base's files: all that is read of those that stay. */
function keyFields({ request, into }: Application): readonly ParquetColumn[] {
  return keyColumns(request.schema).map(({ name, type }) => ({
    fieldId: fieldOf(into.target.icebergSchema, name),
    type: duckdbTypeName(type),
  }));
}

/** With them the row ids, where those are kept: an updated row keeps its own. */
function readFields(application: Application): readonly ParquetColumn[] {
  const keys = keyFields(application);
  return keepsRowIds(application.into.target) ? [...keys, ...LINEAGE_COLUMNS.slice(0, 1)] : keys;
}

/**
 * Table `hits`: live base rows whose key changes (`fi`, `pos`), the change (`wfi`, `wfr`: place of
 * its ledger row), and the row's id where ids are kept.
 */
async function createHits(application: Application, held: HeldFiles): Promise<void> {
  const { connection, window, into } = application;
  if (window.summary.truncated) {
    await runAll(connection, [
      'CREATE TEMP TABLE hits (fi BIGINT, pos BIGINT, wfi BIGINT, wfr BIGINT, row_id BIGINT)',
    ]);
    return;
  }
  const columns = keyFields(application);
  const keys = columns.map(({ fieldId }) => rowColumn(fieldId));
  const changed = columns.map((_, index) => `winners.${keyName(index)}`);
  const rowId = keepsRowIds(into.target) ? rowIdOf(held.files) : 'NULL::BIGINT';
  const relation = fileRows(held, readFields(application));
  await runAll(connection, [
    `CREATE TEMP TABLE hits AS SELECT * FROM (
      SELECT rows.file_index::BIGINT AS fi, rows.file_row_number AS pos,
        winners.fi::BIGINT AS wfi, winners.fr::BIGINT AS wfr, ${rowId} AS row_id
      FROM ${relation} AS rows JOIN winners ON ${keysEqual(keys, changed)}
    ) ANTI JOIN dead USING (fi, pos)`,
  ]);
}

/** What is dead already, and what this merge deletes, per file. */
async function findFiles({ connection, into, window }: Application): Promise<readonly FoundFile[]> {
  const before = await countsPerFile(connection, 'dead');
  const now = await countsPerFile(connection, 'hits');
  return into.files.map((scan, index) => {
    const deletedBefore = before.get(index) ?? 0;
    const live = toSafeNumber(scan.file.recordCount) - deletedBefore;
    return {
      scan,
      deletedBefore,
      deletedNow: window.summary.truncated ? live : (now.get(index) ?? 0),
    };
  });
}

async function countsPerFile(
  connection: Api.DuckDBConnection,
  table: string,
): Promise<ReadonlyMap<number, number>> {
  const rows = await readRows(connection, `SELECT fi, count(*) FROM ${table} GROUP BY fi`);
  return new Map(
    rows.map(([index, count]) => {
      return [countIn(index), countIn(count)];
    }),
  );
}

function countIn(value: Api.DuckDBValue | undefined): number {
  assert(typeof value === 'bigint', 'a count is an integer');
  return toSafeNumber(value);
}

/** A file without a live row goes as a whole; others are asked about. */
function decide(found: readonly FoundFile[], into: MergeApplyRequest): readonly Fate[] {
  const chosen = into.chooseRewrites(found);
  return found.map((file, index) => {
    const rows = toSafeNumber(file.scan.file.recordCount);
    if (file.deletedBefore + file.deletedNow === rows) return { ...file, index, kind: 'gone' };
    if (chosen.has(file.scan.file.filePath)) return { ...file, index, kind: 'rewritten' };
    return { ...file, index, kind: file.deletedNow === 0 ? 'untouched' : 'deleted-from' };
  });
}

/** The newest row of each key that is not deleted, in relations with its bucket. */
interface AddedRows extends NewRows {
  readonly rowCount: number;
}

/**
 * New rows are taken from as many of the window's files at a time as the memory can sort. Rows of
 * one bucket go straight into a file, one for each such group of files. Those of several are put by
 * as a run for each group, in the order of buckets and keys: of runs a bucket's part can be read
 * without the others.
 */
async function findAdded(application: Application, runs: string[]): Promise<AddedRows> {
  const { connection, window, context, request, into } = application;
  const { files } = window.ledger;
  const rows = await readRows(
    connection,
    "SELECT bucket, count(*) FROM winners WHERE op <> 'd' GROUP BY bucket ORDER BY bucket",
  );
  const buckets = rows.map(([bucket]) => {
    assert(typeof bucket === 'number', 'a bucket is an integer');
    return bucket;
  });
  const rowCount = rows.reduce((sum, [, count]) => sum + countIn(count), 0);
  const queries = groupBySize(files, fileBytes, application.sortBytesMax).map((group) =>
    addedRows(application, group),
  );
  if (buckets.length <= 1) return { rowCount, buckets, relations: queries };
  const { icebergSchema } = into.target;
  const order = `rows.bucket, ${keyOrder(icebergSchema, request.schema)}`;
  for (const query of queries) {
    const path = join(context.filesFolder, `${uuidV7(context.clock, context.random)}.run`);
    runs.push(path);
    const source = `SELECT * FROM ${query} AS rows ORDER BY ${order}`;
    const columns = rewrittenSchema(into.target).fields.length + 1;
    await runAll(connection, [copyToRun({ source, path, columns })]);
  }
  return { rowCount, buckets, relations: [runRelation(runs)] };
}

/** New rows out of neighbours of the window's files, by column alias and with their buckets. */
function addedRows(application: Application, files: readonly ScanFile[]): string {
  const { request, window, into } = application;
  const fields = into.target.icebergSchema.fields.map((field) => {
    const source = request.ledgerSchema.fields.find(({ name }) => name === field.name);
    return { field, source, type: duckdbTypeName(field.type) };
  });
  const list = fields.map(({ field, source, type }) => {
    const value = source === undefined ? `CAST(NULL AS ${type})` : rowColumn(source.id);
    return `${value} AS ${columnAlias(field.id)}`;
  });
  const columns = fields.flatMap(({ source, type }) => {
    return source === undefined ? [] : [{ fieldId: source.id, type }];
  });
  const from = files[0] === undefined ? 0 : window.ledger.files.indexOf(files[0]);
  const lineage = lineageOfAdded(into);
  return `(SELECT ${[...list, ...lineage.columns].join(', ')}, winners.bucket
    FROM ${fileRows({ ...window.ledger, files }, columns)} AS rows JOIN winners
      ON rows.file_index::BIGINT + ${from} = winners.fi AND rows.file_row_number = winners.fr
      ${lineage.join}
    WHERE winners.op <> 'd')`;
}

/** The row ids of new rows: those of the rows in their place; others get theirs by the commit. */
function lineageOfAdded({ target }: MergeApplyRequest): {
  readonly columns: readonly string[];
  readonly join: string;
} {
  if (!keepsRowIds(target)) return { columns: [], join: '' };
  // Were a key there twice, its change must not become two rows all the same.
  const old = 'SELECT wfi, wfr, min(row_id) AS row_id FROM hits GROUP BY wfi, wfr';
  return {
    columns: [`old.row_id AS ${ROW_ID_ALIAS}`, `NULL::BIGINT AS ${LAST_UPDATED_ALIAS}`],
    join: `LEFT JOIN (${old}) AS old ON winners.fi = old.wfi AND winners.fr = old.wfr`,
  };
}

/** One delete file per file that loses rows and stays; earlier deletes of that file go along. */
async function stageAllDeletes(
  { context, connection, into }: Application,
  fates: readonly Fate[],
): Promise<readonly StagedFile[]> {
  const staged: StagedFile[] = [];
  try {
    for (const { index, kind, scan } of fates) {
      if (kind !== 'deleted-from') continue;
      const stage = into.target.formatVersion === 3 ? stageVector : stageDeletes;
      const deletes = await stage(context, connection, {
        file: scan.file,
        source: `SELECT pos FROM dead WHERE fi = ${index}`,
        target: into.target,
      });
      staged.push(deletes);
    }
    return staged;
  } catch (error) {
    await dropStaged(staged);
    throw error;
  }
}

async function stageData(
  { context, connection, request, window, into, sortBytesMax }: Application,
  found: {
    readonly held: HeldFiles;
    readonly fates: readonly Fate[];
    readonly added: AddedRows;
  },
): Promise<readonly StagedFile[]> {
  const rewritten = found.fates.filter(({ kind }) => kind === 'rewritten');
  await found.held.local.complete(rewritten.map(({ scan }) => scan.file));
  return stageBuckets(context, connection, {
    schema: request.schema,
    target: into.target,
    bucketing: into.bucketing,
    held: { files: rewritten.map(({ scan }) => scan), local: found.held.local },
    dead: 'dead',
    places: rewritten.map(({ index }) => index),
    added: found.added,
    sortBytesMax,
    width: widthOf([...window.ledger.files, ...rewritten.map(({ scan }) => scan)]),
  });
}

/** Files that the commit removes, and the base rows that go with them or by position. */
function removals(
  fates: readonly Fate[],
): Pick<MergeFiles, 'removedData' | 'removedDeletes' | 'rowsDeleted' | 'deletesKept'> {
  const removed = fates.filter(({ kind }) => kind === 'gone' || kind === 'rewritten');
  const replaced = fates.filter(({ kind }) => kind !== 'untouched');
  const deletes = new Map<string, DataFile>();
  let kept = replaced.reduce((sum, { deletedBefore }) => sum + deletedBefore, 0);
  for (const file of deleteFilesOf(replaced.map(({ scan }): ScanFile => scan))) {
    // A delete file of several data files stays: it goes on being true for the others.
    if (!isForOneFile(file)) continue;
    deletes.set(fileKey(file), file);
    kept -= toSafeNumber(file.recordCount);
  }
  return {
    removedData: removed.map(({ scan }) => scan.file),
    removedDeletes: [...deletes.values()],
    rowsDeleted: fates.reduce((sum, { deletedNow }) => sum + deletedNow, 0),
    deletesKept: kept,
  };
}

function fieldOf(schema: IcebergSchema, name: string): number {
  return present(schema.fields.find((field) => field.name === name)?.id, `field ${name} of a base`);
}
