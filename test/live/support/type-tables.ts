/**
 * Wide tables with a column for every type of a server, and the rows of each way that a value can
 * take into the lake. A row's number says which value of each type it has, its group which way.
 */
import type { MysqlFlavour } from '../../../src/mysql/mysql-column.ts';
import { BYTE_CASES, JSON_CASES } from '../../support/mysql-types/byte-cases.ts';
import { BIT_CASES, NUMBER_CASES } from '../../support/mysql-types/number-cases.ts';
import { TEXT_CASES } from '../../support/mysql-types/text-cases.ts';
import { TIME_CASES } from '../../support/mysql-types/time-cases.ts';
import type { TypeCase } from '../../support/mysql-types/type-case.ts';

/** A table: `id`, one column for each case, `other`. */
export interface TypeTable {
  readonly name: string;
  readonly cases: readonly TypeCase[];
}

/** The ways of a value: the row is there at first, comes later, or another column is changed. */
export const GROUPS = {
  bootstrap: 1000,
  insert: 2000,
  update: 3000,
  updateAltered: 4000,
  insertAltered: 5000,
} as const;

/** The tables of a server. */
export function typeTablesOf(flavour: MysqlFlavour): readonly TypeTable[] {
  const tables = {
    numbers: NUMBER_CASES,
    bits: BIT_CASES,
    times: TIME_CASES,
    texts: TEXT_CASES,
    bytes: BYTE_CASES,
    documents: JSON_CASES,
  };
  return Object.entries(tables).map(([name, cases]) => ({
    name,
    cases: cases.filter(({ only }) => only === undefined || only === flavour),
  }));
}

/** How many rows a group of a table has: each value once, and one with NULL everywhere. */
export function rowsOf({ cases }: TypeTable): number {
  return 1 + Math.max(...cases.map(({ values }) => values.length));
}

/** The expression of a value: row 0 has NULL, the others the values in turn. */
function valueAt({ values }: TypeCase, row: number): string {
  return row === 0 ? 'NULL' : (values[(row - 1) % values.length]?.[0] ?? 'NULL');
}

/** Statements that make a table, with its columns or without. */
export function createTable(table: TypeTable, withColumns: boolean): string {
  const columns = table.cases.map(({ name, declaration }) => `c_${name} ${declaration} NULL`);
  const all = ['id INT PRIMARY KEY', ...(withColumns ? columns : []), 'other INT'];
  return `CREATE TABLE ${withColumns ? table.name : `${table.name}_added`} (${all.join(', ')})`;
}

/** A statement that adds all columns to a table that has none. */
export function addColumns(table: TypeTable): string {
  const columns = table.cases.map(
    ({ name, declaration }) => `ADD COLUMN c_${name} ${declaration} NULL`,
  );
  return `ALTER TABLE ${table.name}_added ${columns.join(', ')}`;
}

/** Statements that insert a group's rows. */
export function insertRows(table: TypeTable, group: keyof typeof GROUPS): readonly string[] {
  return Array.from({ length: rowsOf(table) }, (_, row) => {
    const values = table.cases.map((one) => `c_${one.name} = ${valueAt(one, row)}`);
    return `INSERT INTO ${table.name} SET id = ${GROUPS[group] + row}, ${values.join(', ')}`;
  });
}

/** Statements that give the added columns of a table their values. */
export function fillAdded(table: TypeTable): readonly string[] {
  return Array.from({ length: rowsOf(table) }, (_, row) => {
    const values = table.cases.map((one) => `c_${one.name} = ${valueAt(one, row)}`);
    return `UPDATE ${table.name}_added SET ${values.join(', ')}, other = 1 WHERE id = ${row}`;
  });
}
