/**
 * PyIceberg as an independent reader: opens a SQLite catalog and gives back a table's rows with
 * every value exact, or what the table says about itself. Tests of the engine lane compare these
 * with ours.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { ensurePython } from '../../tools/python.ts';

/** One table of a SQLite catalog whose name is `firn`. */
export interface PyIcebergTable {
  /** Path of the catalog's database, or the address of a REST catalog. */
  readonly catalogPath: string;
  /** `namespace.table`. */
  readonly table: string;
}

/** What to read; the head of main without `snapshotId` and `ref`. */
export interface PyIcebergRead extends PyIcebergTable {
  readonly snapshotId?: bigint;
  /** Branch or tag. */
  readonly ref?: string;
}

/**
 * A value as JSON: long and decimal as digits, binary as hex, date and time as ISO 8601
 * (microseconds; `Z` where the type has a zone), NaN and infinities by name, a map as a list of
 * pairs.
 */
export type PyValue =
  | null
  | boolean
  | number
  | string
  | readonly PyValue[]
  | { readonly [field: string]: PyValue };

/** A row by column name. */
export type PyRow = Readonly<Record<string, PyValue>>;

/** A snapshot as PyIceberg read it. */
export interface PySnapshot {
  readonly id: string;
  readonly parentId: string | null;
  readonly sequenceNumber: string;
  readonly operation: string;
  readonly summary: Readonly<Record<string, string>>;
}

/** A table as PyIceberg read it. */
export interface PyTable {
  readonly formatVersion: number;
  readonly uuid: string;
  readonly location: string;
  readonly fields: readonly {
    readonly id: number;
    readonly name: string;
    readonly type: string;
    readonly required: boolean;
  }[];
  readonly identifierFieldIds: readonly number[];
  /** `bucket[16](1)`: transform and source id. */
  readonly partition: readonly string[];
  readonly currentSnapshotId: string;
  readonly snapshots: readonly PySnapshot[];
  readonly refs: Readonly<Record<string, { readonly type: string; readonly snapshotId: string }>>;
  readonly properties: Readonly<Record<string, string>>;
}

const READER = 'test/engines/read.py';
const OUTPUT_BYTES_MAX = 512 * 1024 * 1024;

function pythonPath(): string {
  const given = process.env['FIRN_PYTHON'];
  if (given !== undefined) return given;
  const python = ensurePython();
  if (python.kind === 'absent') throw new Error(python.reason);
  return python.path;
}

/** Why the tests of this lane cannot run here, for `test(..., { skip })`; `false` when they can. */
export function pythonSkip(): string | false {
  if (process.env['FIRN_PYTHON'] !== undefined) return false;
  const python = ensurePython();
  return python.kind === 'absent' ? python.reason : false;
}

/**
 * Runs a Python script (a path from the root of the project) where PyIceberg is installed, and
 * returns what it printed. Throws, with its error output, when it fails.
 */
export function runPython(script: string, args: readonly string[]): string {
  return execFileSync(pythonPath(), [script, ...args], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
}

/** Like `runPython`, but it runs beside this process, whose output it shares. */
export function startPython(script: string, args: readonly string[]): ChildProcess {
  return spawn(pythonPath(), [script, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function placeOf(catalogPath: string): string {
  return catalogPath.startsWith('http://') ? catalogPath : resolve(catalogPath);
}

/** The rows of a table, in no particular order. */
export function readRows(read: PyIcebergRead): readonly PyRow[] {
  const at = read.snapshotId === undefined ? [] : ['--snapshot', `${read.snapshotId}`];
  const ref = read.ref === undefined ? [] : ['--ref', read.ref];
  const text = runPython(READER, ['rows', placeOf(read.catalogPath), read.table, ...at, ...ref]);
  return rowsByTable(text).get(read.table) ?? [];
}

/**
 * The rows of tables of one catalog, by table. Text and binary of more than `digestAbove` bytes
 * come as `sha256:` and their digest.
 */
export function readTables(read: {
  readonly catalogPath: string;
  readonly tables: readonly string[];
  readonly digestAbove: number;
}): ReadonlyMap<string, readonly PyRow[]> {
  const { catalogPath, tables, digestAbove } = read;
  const limit = ['--digest-above', `${digestAbove}`];
  return rowsByTable(runPython(READER, ['rows', placeOf(catalogPath), ...tables, ...limit]));
}

function rowsByTable(text: string): ReadonlyMap<string, readonly PyRow[]> {
  const tables = new Map<string, PyRow[]>();
  let rows: PyRow[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const document = JSON.parse(line) as string | PyRow;
    if (typeof document === 'string') tables.set(document, (rows = []));
    else rows.push(document);
  }
  return tables;
}

/** What a table says about itself. */
export function describeTable(table: PyIcebergTable): PyTable {
  const text = runPython(READER, ['describe', placeOf(table.catalogPath), table.table]);
  return JSON.parse(text) as PyTable;
}
