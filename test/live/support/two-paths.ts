/**
 * Tables of a live server read on both paths: by SELECT, and out of the rows that the log has of
 * their inserts and updates. What each path gives is columns, to be compared byte by byte.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { BinlogReader } from '../../../src/binlog/binlog-reader.ts';
import { compileTable } from '../../../src/binlog/table-reader.ts';
import type { TableReader } from '../../../src/binlog/table-reader.ts';
import type { LogTable } from '../../../src/binlog/log-table.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { CHANGE_OPS } from '../../../src/model/change-batch.ts';
import { ColumnBuilder } from '../../../src/model/column-builder.ts';
import type { ColumnVector } from '../../../src/model/column-vector.ts';
import type { Column, TableSchema } from '../../../src/model/table-schema.ts';
import { mapColumn } from '../../../src/mysql/column-mapping.ts';
import { imageReader } from '../../../src/mysql/image-reader.ts';
import type { MysqlColumn, MysqlFlavour } from '../../../src/mysql/mysql-column.ts';
import { selectExpression, textReader } from '../../../src/mysql/text-reader.ts';
import { openConnection } from '../../../src/sources/mysql/connection.ts';
import { openDump } from '../../../src/sources/mysql/log/log-dump.ts';
import { RowSession } from '../../../src/sources/mysql/reads/row-session.ts';
import type { LiveServer } from './live-server.ts';

type Policy = 'halt' | 'null' | 'text';

/** A table and the policies of its columns; a column without one halts. */
export interface ReadTable {
  readonly table: string;
  readonly policies?: Readonly<Record<string, Policy>>;
}

/** Rows of a table in key order, one vector per column. */
export interface PathRows {
  readonly rowCount: number;
  readonly columns: readonly ColumnVector[];
}

/** What the two paths gave. */
export interface TwoPaths {
  readonly schema: TableSchema;
  readonly selected: PathRows;
  /** After images of inserts, then of updates, in log order. */
  readonly inserted: PathRows;
  readonly updated: PathRows;
}

/** Where a server's log ends now. */
export async function logEnd(server: LiveServer): Promise<{ fileName: string; offset: number }> {
  const statement = server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS';
  const [row] = await server.query(statement);
  const [fileName, offset] = Object.values(row ?? {}).map(String);
  return { fileName: fileName ?? '', offset: Number.parseInt(offset ?? '', 10) };
}

/** Columns of a table as its server describes them. */
export async function describeColumns(
  server: LiveServer,
  database: string,
  table: string,
): Promise<MysqlColumn[]> {
  const rows = await server.query(
    `SELECT COLUMN_NAME AS name, DATA_TYPE AS dataType, CONVERT(COLUMN_TYPE USING utf8mb4) AS columnType,
       CHARACTER_SET_NAME AS charset, COLLATION_NAME AS collation, IS_NULLABLE AS nullable, EXTRA AS extra
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [database, table],
  );
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return rows.map((row) => ({
    name: String(row['name']),
    dataType: String(row['dataType']).toLowerCase(),
    columnType: String(row['columnType']),
    charset: text(row['charset']),
    collation: text(row['collation']),
    nullable: row['nullable'] === 'YES',
    generated: /GENERATED/.test(String(row['extra'])),
    invisible: /INVISIBLE/.test(String(row['extra'])),
  }));
}

/** The schema of a table in the lake; its first column is the key. */
export async function schemaOf(
  server: LiveServer,
  database: string,
  { table, policies = {} }: ReadTable,
): Promise<TableSchema> {
  const described = await describeColumns(server, database, table);
  const columns = described.map((column, index): Column => {
    const mapping = mapColumn(column, server.flavour, policies[column.name] ?? 'halt');
    equal(mapping.kind, 'mapped', `${table}.${column.name}: ${JSON.stringify(mapping)}`);
    if (mapping.kind !== 'mapped') throw new Error('unreachable');
    const { type, sourceType } = mapping;
    return { id: index + 1, name: column.name, sourceName: column.name, type, sourceType };
  });
  return { table: { namespace: database, table }, version: 1, columns, keyColumnIds: [1] };
}

function readerPolicy(policies: ReadTable['policies'], name: string): 'halt' | 'null' {
  return policies?.[name] === 'null' ? 'null' : 'halt';
}

const addressOf = (server: LiveServer): Parameters<typeof openConnection>[0] => ({
  host: server.host,
  port: server.port,
  user: 'root',
  password: '',
  tls: { kind: 'off' },
});

/** Reads one table by SELECT in the order of its first column. */
export async function selectRows(
  session: RowSession,
  schema: TableSchema,
  request: { readonly flavour: MysqlFlavour; readonly policies: ReadTable['policies'] },
): Promise<PathRows> {
  const { flavour, policies } = request;
  const { namespace, table } = schema.table;
  const list = schema.columns.map((column) => selectExpression(column, flavour)).join(', ');
  const columns = schema.columns.map((column) => ({
    read: textReader(column, readerPolicy(policies, column.name)),
    builder: new ColumnBuilder(column.type),
  }));
  const limits = { rowsMax: 100_000, bytesMax: 2 ** 30 };
  const { signal } = new AbortController();
  const key = `\`${schema.columns[0]?.sourceName ?? ''}\``;
  const sql = `SELECT ${list} FROM \`${namespace}\`.\`${table}\` ORDER BY ${key}`;
  let rows: PathRows = { rowCount: 0, columns: columns.map(({ builder }) => builder.finish()) };
  for await (const batch of session.rows(sql, { columns, limits, signal })) {
    equal(rows.rowCount, 0, 'one batch');
    rows = batch;
  }
  return rows;
}

/** Reads tables on both paths; the log from `start` on. */
export async function readTwoWays(
  server: LiveServer,
  database: string,
  request: {
    readonly tables: readonly ReadTable[];
    readonly start: { readonly fileName: string; readonly offset: number };
  },
): Promise<ReadonlyMap<string, TwoPaths>> {
  const schemas = new Map<string, TableSchema>();
  const policies = new Map(request.tables.map(({ table, policies: own }) => [table, own]));
  for (const table of request.tables) {
    schemas.set(table.table, await schemaOf(server, database, table));
  }
  const logged = await readLog(server, { database, schemas, policies, start: request.start });
  const session = new RowSession(await openConnection(addressOf(server)), systemClock);
  const results = new Map<string, TwoPaths>();
  for (const [table, schema] of schemas) {
    const own = { flavour: server.flavour, policies: policies.get(table) };
    const selected = await selectRows(session, schema, own);
    const rows = logged.get(table);
    if (rows === undefined) throw new Error(`the log has no rows of ${table}`);
    results.set(table, { schema, selected, ...rows });
  }
  session.close();
  return results;
}

async function readLog(
  server: LiveServer,
  request: {
    readonly database: string;
    readonly schemas: ReadonlyMap<string, TableSchema>;
    readonly policies: ReadonlyMap<string, ReadTable['policies']>;
    readonly start: { readonly fileName: string; readonly offset: number };
  },
): Promise<ReadonlyMap<string, Pick<TwoPaths, 'inserted' | 'updated'>>> {
  const readers = new Map<string, TableReader>();
  const wants = (log: LogTable): TableReader | null => {
    const schema = log.namespace === request.database ? request.schemas.get(log.table) : undefined;
    if (schema === undefined) return null;
    const own = request.policies.get(log.table);
    const reader = compileTable({
      log,
      schema,
      readers: log.columns.map((column) => {
        const index = schema.columns.findIndex(({ sourceName }) => sourceName === column.name);
        const target = schema.columns[index];
        if (target === undefined) throw new Error(`no column ${column.name}`);
        const read = imageReader(column, target, readerPolicy(own, target.name));
        return { column: index, read };
      }),
      beforeImages: 'key',
      batchRowsMax: 1_000_000,
      batchBytesMax: 2 ** 30,
    });
    readers.set(log.table, reader);
    return reader;
  };
  const reader = new BinlogReader({ flavour: server.flavour, wants });
  const end = await logEnd(server);
  const dump = await openDump(await openConnection(addressOf(server)), {
    clock: systemClock,
    start: { kind: 'place', ...request.start },
    follow: null,
    heartbeatMs: 10_000,
  });
  const { signal } = new AbortController();
  while (reader.fileName !== end.fileName || reader.offset < end.offset) {
    const chunk = await dump.next(signal);
    if (chunk === null) break;
    for (const event of reader.push(chunk)) void event;
  }
  dump.close();
  return new Map([...readers].map(([table, rows]) => [table, splitByOp(rows)]));
}

function splitByOp(reader: TableReader): Pick<TwoPaths, 'inserted' | 'updated'> {
  const batch = reader.cut(1);
  if (batch === null) throw new Error('no rows');
  const ops = [...batch.op].map((code) => CHANGE_OPS[code]);
  const inserts = ops.filter((op) => op === 'c').length;
  deepEqual(
    ops,
    ops.map((_, row) => (row < inserts ? 'c' : 'u')),
    'inserts come first',
  );
  const rows = (from: number, to: number): PathRows => ({
    rowCount: to - from,
    columns: batch.columns.map((vector) => sliceVector(vector, from, to)),
  });
  return { inserted: rows(0, inserts), updated: rows(inserts, batch.rowCount) };
}

function sliceVector(vector: ColumnVector, from: number, to: number): ColumnVector {
  const validity = new Uint8Array((to - from + 7) >> 3);
  let nulls = 0;
  for (let row = from; row < to; row++) {
    const valid = vector.validity === null || ((vector.validity[row >> 3] ?? 0) >> (row & 7)) & 1;
    if (valid)
      validity[(row - from) >> 3] = (validity[(row - from) >> 3] ?? 0) | (1 << ((row - from) & 7));
    else nulls++;
  }
  const own = { validity: nulls === 0 ? null : validity };
  switch (vector.kind) {
    case 'bytes': {
      const first = vector.offsets[from] ?? 0;
      const offsets = vector.offsets.slice(from, to + 1).map((offset) => offset - first);
      return { kind: 'bytes', data: vector.data.slice(first, vector.offsets[to]), offsets, ...own };
    }
    case 'int128':
      return { kind: 'int128', values: vector.values.slice(2 * from, 2 * to), ...own };
    case 'bool':
      return { kind: 'bool', values: vector.values.slice(from, to), ...own };
    case 'int32':
      return { kind: 'int32', values: vector.values.slice(from, to), ...own };
    case 'int64':
      return { kind: 'int64', values: vector.values.slice(from, to), ...own };
    case 'float32':
      return { kind: 'float32', values: vector.values.slice(from, to), ...own };
    default:
      return { kind: 'float64', values: vector.values.slice(from, to), ...own };
  }
}
