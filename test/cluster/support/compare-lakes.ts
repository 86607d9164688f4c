/**
 * Whether two lakes of one source hold the same, read by PyIceberg: bases value by value, ledgers
 * by identity and payload, each record of a topic once, and repeats alike.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { join } from 'node:path';
import { REREAD_ROW } from '../../../src/model/change-sequence.ts';
import { readTables } from '../../engines/pyiceberg.ts';
import type { PyRow, PyValue } from '../../engines/pyiceberg.ts';

/** Text and bytes longer than this are compared by digest. */
const DIGEST_ABOVE = 200;

/** What is compared of a table. */
export interface Compared {
  readonly rows: number;
  readonly ledgerRows: number;
  /** Changes that are in the ledger more than once, each time the same. */
  readonly repeats: number;
}

/** Folders of both lakes. */
interface Lakes {
  readonly embedded: string;
  readonly cluster: string;
}

/** What is compared. */
interface Subject {
  readonly namespace: string;
  readonly tables: readonly string[];
  /** Tables that have a ledger alone. */
  readonly keyless?: readonly string[];
}

/** Compares; throws where the lakes differ. */
export function compareLakes(folders: Lakes, subject: Subject): Compared {
  const { tables, keyless = [] } = subject;
  const names = [
    ...tables.flatMap((table) => [table, `${table}_ledger`]),
    ...keyless.map((table) => `${table}_ledger`),
  ];
  const lakes = {
    embedded: readLake(folders.embedded, subject.namespace, names),
    cluster: readLake(folders.cluster, subject.namespace, names),
  };
  const found = { rows: 0, ledgerRows: 0, repeats: 0 };
  for (const table of [...tables, ...keyless]) {
    const [base, ledger] = [table, `${table}_ledger`];
    const [mine, theirs] = [lakes.embedded.get(base) ?? [], lakes.cluster.get(base) ?? []];
    deepEqual(ordered(theirs), ordered(mine), `${table}: the bases differ`);
    const kept = changesOf(lakes.cluster.get(ledger) ?? []);
    eachRecordOnce(lakes.cluster.get(ledger) ?? [], ledger);
    const wanted = changesOf(lakes.embedded.get(ledger) ?? []);
    deepEqual([...kept.changes].toSorted(), [...wanted.changes].toSorted(), `${ledger} differs`);
    equal(wanted.repeats, 0, `${ledger}: the embedded engine repeats changes`);
    found.rows += mine.length;
    found.ledgerRows += kept.changes.size;
    found.repeats += kept.repeats;
  }
  return found;
}

/** Rows of tables without the namespace, by name. */
function readLake(
  folder: string,
  namespace: string,
  names: readonly string[],
): ReadonlyMap<string, readonly PyRow[]> {
  const rows = readTables({
    catalogPath: join(folder, 'catalog.db'),
    tables: names.map((name) => `${namespace}.${name}`),
    digestAbove: DIGEST_ABOVE,
  });
  return new Map(names.map((name) => [name, rows.get(`${namespace}.${name}`) ?? []]));
}

/** Rows as texts, in an order of their own. */
function ordered(rows: readonly PyRow[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).map(comparable))).toSorted();
}

/** A column of JSON is compared as a value: Debezium does not keep MySQL's spelling. */
function comparable([name, value]: readonly [string, PyValue]): readonly [string, PyValue] {
  if (!name.endsWith('_json') || typeof value !== 'string') return [name, value];
  return [name, jsonValue(value)];
}

/** The value with whole numbers exact, others as doubles, and members in order of their names. */
function jsonValue(text: string): PyValue {
  if (text.startsWith('sha256:')) return 'a long document';
  const inOrder = (
    _key: string,
    value: unknown,
    context: { readonly source?: string },
  ): unknown => {
    const { source = '' } = context;
    if (typeof value === 'number') {
      // A double that is whole has digits too; integers of the source end at 2^64.
      const isExact = /^-?\d{1,20}$/.test(source) && BigInt(source) < 2n ** 64n;
      return isExact ? `whole ${BigInt(source)}` : wholeDouble(value);
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.stringify(JSON.parse(text, inOrder as (key: string, value: unknown) => unknown));
}

function wholeDouble(value: number): string {
  if (Object.is(value, -0)) return 'whole 0';
  const isWhole = Number.isInteger(value) && Math.abs(value) < 2 ** 64;
  return isWhole ? `whole ${BigInt(value)}` : `double ${value}`;
}

/** Columns that only one engine has, or that say how a row came. */
const OWN_COLUMNS: ReadonlySet<string> = new Set([
  '_firn_schema',
  '_firn_topic',
  '_firn_partition',
  '_firn_offset',
]);

/** Changes as texts, each once; rows of one place in the source must be equal. */
function changesOf(rows: readonly PyRow[]): {
  readonly changes: ReadonlySet<string>;
  readonly repeats: number;
} {
  const byPlace = new Map<string, string>();
  let repeats = 0;
  for (const row of rows) {
    const isTruncate = row['_firn_op'] === 't';
    const cells = Object.entries(row)
      // Debezium gives a truncate its second, not its microsecond.
      .filter(([name]) => !OWN_COLUMNS.has(name) && !(isTruncate && name === '_firn_commit_ts'))
      .map(comparable)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    const text = JSON.stringify(cells);
    // Rows that were looked up after the fact share a place; their keys tell them apart.
    const isReread = row['_firn_row'] === REREAD_ROW;
    const place = isReread
      ? text
      : JSON.stringify([row['_firn_epoch'], row['_firn_seq'], row['_firn_row']]);
    const before = byPlace.get(place);
    if (before !== undefined) repeats += 1;
    equal(text, before ?? text, 'two changes of one place differ');
    byPlace.set(place, text);
  }
  return { changes: new Set(byPlace.values()), repeats };
}

/** No record of a topic is in a ledger twice. */
function eachRecordOnce(rows: readonly PyRow[], ledger: string): void {
  const records = new Set<string>();
  for (const row of rows) {
    const record = `${JSON.stringify(row['_firn_partition'])}/${JSON.stringify(row['_firn_offset'])}`;
    equal(records.has(record), false, `${ledger}: record ${record} is there twice`);
    records.add(record);
  }
}
