/**
 * Every type that Debezium carries, in both spellings that a connector may have: the values in the
 * topics are those that Firn's own reader takes from the log (docs/spec/values.md).
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { SourceEvent } from '../../src/model/source-event.ts';
import { fieldReading } from '../../src/sources/debezium/field-decoder.ts';
import type { ValueModes } from '../../src/sources/debezium/field-decoder.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import type { TypeCase } from '../support/mysql-types/type-case.ts';
import { TestRegistry, changesOf, ofKind } from '../support/source-events.ts';
import { createTable, insertRows, typeTablesOf } from '../live/support/type-tables.ts';
import type { TypeTable } from '../live/support/type-tables.ts';
import { SKIP_WITHOUT_DEBEZIUM, openDebeziumWorld, readToEnd } from './debezium-world.ts';

const skip = SKIP_WITHOUT_DEBEZIUM;

const DEFAULTS: ValueModes = { decimal: 'precise', unsignedLong: 'long', binary: 'base64' };

const OTHERS = {
  'decimal.handling.mode': 'string',
  'bigint.unsigned.handling.mode': 'precise',
  'binary.handling.mode': 'hex',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'true',
};

/**
 * Bytes of latin1 that Java takes for no character: their table would halt. And what Debezium
 * writes otherwise in documents: times below zero, and bytes.
 */
const LOST = /^CONVERT\(x'80818d|TIME'-838:59:59|CAST\(x'00ff' AS BINARY/;

/** The cases that Debezium carries: not what it refuses, and no date that is none. */
function carried(table: TypeTable): TypeTable {
  const cases = table.cases.flatMap((one): readonly TypeCase[] => {
    const charset = /character set (\w+)/i.exec(one.declaration)?.[1]?.toLowerCase();
    const suffix = charset === undefined ? '' : ` character set ${charset}`;
    const sourceType = `${one.declaration.toLowerCase()}${suffix}`;
    const type =
      one.type === 'string' ? ({ kind: 'string' } as const) : ({ kind: 'binary' } as const);
    const isRead = fieldReading({ type, sourceType }, DEFAULTS).kind === 'read';
    const values = one.values.filter(([sql, lake]) => lake !== null && !LOST.test(sql));
    return one.onMisfit === undefined && isRead && values.length > 0 ? [{ ...one, values }] : [];
  });
  return { ...table, cases };
}

/** Rows by identity; documents as values, because their spelling is Debezium's. */
function rowsOf(
  events: readonly SourceEvent[],
): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  return new Map(
    changesOf(events).map(({ table, op, seq, row, values }) => {
      const isDocuments = table === 'documents';
      const cells = Object.entries(values).map(([name, value]) => {
        const isJson = isDocuments && typeof value === 'string';
        return [name, isJson ? (JSON.parse(value) as unknown) : value];
      });
      return [`${table} ${op} ${seq}/${row}`, Object.fromEntries(cells)];
    }),
  );
}

/** Which server, and how its connector spells values. */
const VARIANTS = [
  { flavour: 'mysql', name: 'defaults', options: {} },
  { flavour: 'mysql', name: 'others', options: OTHERS },
  { flavour: 'mariadb', name: 'defaults', options: {} },
] as const;

// Side by side: most of it is waiting.
suite('types', { concurrency: VARIANTS.length }, () => {
  for (const { flavour, name, options } of VARIANTS) {
    test(
      `${flavour}: values are those of the log, with ${name} (spec: D8)`,
      { skip },
      async (t) => {
        const tables = typeTablesOf(flavour).map(carried);
        ok(tables.every(({ cases }) => cases.length > 0));
        const world = await openDebeziumWorld(t, {
          flavour,
          tables: tables.map((table) => createTable(table, true)),
          topics: tables.map((table) => table.name),
          options,
        });
        const registry = new TestRegistry();
        const schemas = await registry.discover(world.source);
        equal(schemas.length, tables.length);
        const logMark = await world.database.lowMark(1);
        const mark = await world.source.lowMark(1);
        await world.run(CASE_SESSION, ...tables.flatMap((table) => insertRows(table, 'insert')));
        const request = { tables: schemas, registry };
        const log = await readToEnd(world.database, { ...request, from: logMark.position });
        const topics = await readToEnd(world.source, { ...request, from: mark.position });
        deepEqual(
          ofKind(topics, 'table-halted').map(({ error }) => error.message),
          [],
        );
        const [wanted, got] = [rowsOf(log), rowsOf(topics)];
        ok(wanted.size >= 40);
        deepEqual([...got.keys()].toSorted(), [...wanted.keys()].toSorted());
        for (const [identity, row] of wanted) deepEqual(got.get(identity), row, identity);
      },
    );
  }
});
