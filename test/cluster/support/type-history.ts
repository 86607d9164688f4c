/**
 * A source history that both engines must copy alike: every type that the cluster carries, with the
 * values that other tools get wrong, in tables that are there before capture starts and in columns
 * that come later; changes of keys, rows of several tables in one transaction, statements whose
 * rows the log splits over several events, deletes and a truncate.
 */
import { envelopeColumn } from '../../../src/cluster/capture/envelope-column.ts';
import type { MysqlColumn, MysqlFlavour } from '../../../src/mysql/mysql-column.ts';
import { mapColumn } from '../../../src/mysql/column-mapping.ts';
import type { TypeCase } from '../../support/mysql-types/type-case.ts';
import { CASE_SESSION } from '../../support/mysql-types/type-case.ts';
import {
  GROUPS,
  addColumns,
  createTable,
  fillAdded,
  insertRows,
  rowsOf,
  typeTablesOf,
} from '../../live/support/type-tables.ts';
import type { TypeTable } from '../../live/support/type-tables.ts';

/** What is run, in order. All statements of a phase are run before the next thing happens. */
export interface TypeHistory {
  /** Tables without the database. */
  readonly names: readonly string[];
  /** Policies of columns, as a pipeline file has them; tables without the database. */
  readonly rules: readonly {
    readonly table: string;
    readonly columns: Readonly<Record<string, { readonly onMisfit: 'null' | 'text' }>>;
  }[];
  /** Before anything captures. */
  readonly before: readonly string[];
  /** While both engines capture, or before they catch up. */
  readonly during: readonly string[];
}

/**
 * Values that the cluster cannot have: dates that are none, bytes that Java finds to be no
 * character.
 */
const NOT_EQUAL = /^(?:date_null|dt_null|ts_null|(?:vc|char|text)_latin1)$/;

/** A case without what Debezium writes otherwise inside documents: bytes, times below zero. */
function kept(one: TypeCase): TypeCase {
  return { ...one, values: one.values.filter(([sql]) => !/TIME'-|AS BINARY/.test(sql)) };
}

/** Of each kind of type one case: Flink plans every column of a job for a while. */
const SOME = words(
  `i8 bool u8 i24 u32 i64 u64 i64_text d12_2 d9_9 d38_10 d65_30 f32 f64 bit1 bit10 bit64 year date
  dt0 dt3 dt6 ts0 ts6 t0 t6_wide char5 vc300 text_64k set bin4 varbin blob json`,
);

/** Those of them that come as columns of a statement in the log. */
const SOME_LATER = words('u64 d12_2 f64 bit10 year dt6 ts6 t6_wide vc300 set varbin json');

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** Which cases. */
export interface HistoryChoice {
  /** Whether the cluster carries a case. */
  readonly isCarried: (table: string, one: TypeCase) => boolean;
  /** Every case, in tables of dozens of columns; else one of each kind, in one table. */
  readonly isWhole: boolean;
}

/** A table whose columns are there at first, and the columns that another gets later. */
interface TablePair {
  readonly table: TypeTable;
  readonly later: TypeTable;
}

function pairsOf(flavour: MysqlFlavour, choice: HistoryChoice): readonly TablePair[] {
  const all = typeTablesOf(flavour).map(({ name, cases }) => ({
    name,
    cases: cases
      .filter((one) => !NOT_EQUAL.test(one.name) && choice.isCarried(name, one))
      .map(kept),
  }));
  if (choice.isWhole) {
    // Of a BOOL that a statement of the log declares only 0 arrives as it is.
    const isLater = ({ declaration }: TypeCase): boolean => declaration !== 'BOOL';
    return all
      .filter(({ name, cases }) => name !== 'bits' && cases.length > 0)
      .map((table) => ({ table, later: { ...table, cases: table.cases.filter(isLater) } }));
  }
  const cases = all.flatMap((table) => table.cases);
  const chosen = (names: ReadonlySet<string>): TypeTable => ({
    name: 'types',
    cases: cases.filter(({ name }) => names.has(name)),
  });
  return [{ table: chosen(SOME), later: chosen(SOME_LATER) }];
}

/** The history in the session's database. */
export function typeHistory(flavour: MysqlFlavour, choice: HistoryChoice): TypeHistory {
  const pairs = pairsOf(flavour, choice);
  const ids = (count: number): string => {
    return Array.from({ length: count }, (_, row) => `(${row})`).join(', ');
  };
  return {
    names: [...pairs.flatMap(({ table: { name } }) => [name, `${name}_added`]), ...PLAIN_NAMES],
    rules: pairs.flatMap(({ table: { name, cases } }) => {
      const columns = Object.fromEntries(
        cases.flatMap((one) =>
          one.onMisfit === undefined ? [] : [[`c_${one.name}`, { onMisfit: one.onMisfit }]],
        ),
      );
      return [name, `${name}_added`].map((table) => ({ table, columns }));
    }),
    before: [
      CASE_SESSION,
      ...pairs.flatMap(({ table, later }) => [
        createTable(table, true),
        createTable(table, false),
        `INSERT INTO ${table.name}_added (id) VALUES ${ids(rowsOf(later))}`,
        ...insertRows(table, 'update'),
      ]),
      ...PLAIN_TABLES,
    ],
    during: [
      ...pairs.flatMap(({ table, later }) => [
        ...insertRows(table, 'insert'),
        `UPDATE ${table.name} SET other = 1 WHERE id >= ${GROUPS.update}`,
        addColumns(later),
        ...fillAdded(later),
        `UPDATE ${table.name}_added SET other = 2`,
        `DELETE FROM ${table.name} WHERE id >= ${GROUPS.update + 2}`,
      ]),
      ...KEY_CHANGES,
      ...TRANSACTIONS,
      ...SPLIT_EVENTS,
      'TRUNCATE TABLE emptied',
      "INSERT INTO emptied VALUES (7, 'after')",
    ],
  };
}

/** Tables of the history beside those of types. */
const PLAIN_NAMES = [
  'keyed',
  'left_side',
  'right_side',
  'wide_rows',
  'emptied',
  'made',
  'named',
] as const;

const PLAIN_TABLES = [
  `CREATE TABLE keyed (id INT, name VARCHAR(20) COLLATE utf8mb4_general_ci, note TEXT,
    PRIMARY KEY (id, name))`,
  'CREATE TABLE left_side (id INT PRIMARY KEY, v INT)',
  'CREATE TABLE right_side (id INT PRIMARY KEY, v INT)',
  'CREATE TABLE wide_rows (id INT PRIMARY KEY, body VARCHAR(4000))',
  'CREATE TABLE emptied (id INT PRIMARY KEY, v VARCHAR(10))',
  "INSERT INTO emptied VALUES (1, 'a'), (2, 'b')",
  `CREATE TABLE made (id INT PRIMARY KEY, a INT, stored_sum INT AS (a + 1) STORED,
    virtual_sum INT AS (a + 2) VIRTUAL)`,
  'CREATE TABLE named (`id` INT PRIMARY KEY, `Order` INT, `two words` INT, `quo``te` INT, `über` INT)',
];

const KEY_CHANGES = [
  "INSERT INTO keyed VALUES (1, 'abc', 'one'), (2, 'def', 'two'), (3, 'ghi', 'three')",
  "UPDATE keyed SET name = 'ABC' WHERE id = 1",
  'UPDATE keyed SET id = id + 10 ORDER BY id DESC',
  "UPDATE keyed SET note = CONCAT(note, '!')",
  "REPLACE INTO keyed VALUES (11, 'abc', 'replaced')",
  "INSERT INTO keyed VALUES (11, 'abc', 'x') ON DUPLICATE KEY UPDATE note = 'duplicate'",
  'DELETE FROM keyed WHERE id > 11',
  'INSERT INTO made (id, a) VALUES (1, 10), (2, NULL)',
  'UPDATE made SET a = a + 1',
  'INSERT INTO named VALUES (1, 2, 3, 4, 5)',
];

const TRANSACTIONS = [
  'START TRANSACTION',
  'INSERT INTO left_side VALUES (1, 1), (2, 2), (3, 3)',
  'INSERT INTO right_side VALUES (1, 1), (2, 2), (3, 3)',
  'UPDATE left_side JOIN right_side USING (id) SET left_side.v = 10, right_side.v = 20',
  'DELETE left_side FROM left_side JOIN right_side USING (id) WHERE id = 2',
  'INSERT INTO left_side VALUES (2, 5)',
  'SAVEPOINT s',
  'INSERT INTO right_side VALUES (99, 99)',
  'ROLLBACK TO SAVEPOINT s',
  'COMMIT',
  'START TRANSACTION',
  'DELETE FROM left_side',
  'ROLLBACK',
  'DELETE left_side, right_side FROM left_side JOIN right_side USING (id) WHERE id = 3',
];

/** Some 600 rows of up to 4,000 bytes each: many events of a statement. */
const SPLIT_EVENTS = [
  `INSERT INTO wide_rows WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
    SELECT i, REPEAT('x', (i * 37) % 4000) FROM n`,
  'UPDATE wide_rows SET id = id + 10000 WHERE id % 3 = 0',
  "UPDATE wide_rows SET body = CONCAT('y', LEFT(body, 3000)) WHERE id % 2 = 0",
  'DELETE FROM wide_rows WHERE id % 5 = 0',
];

/** Whether the cluster carries a column, as `information_schema` describes it. */
export function isCarried(
  column: MysqlColumn,
  flavour: MysqlFlavour,
  onMisfit: TypeCase['onMisfit'],
): boolean {
  const mapping = mapColumn(column, flavour, onMisfit ?? 'halt');
  if (mapping.kind !== 'mapped') return false;
  const { type, sourceType } = mapping;
  const { name } = column;
  return envelopeColumn({ id: 1, name, sourceName: name, type, sourceType }).kind === 'carried';
}
