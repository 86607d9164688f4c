/** The model source obeys the contract of sources: what is proved over it holds for real ones. */
import { present } from '../../src/kernel/assert.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { setImmediate as macrotask } from 'node:timers/promises';
import { sourceConformance } from '../conformance/source.ts';
import type { CellKind, SourceUnderTest, WriteStep } from '../conformance/source-under-test.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { keyText } from '../oracles/fold-events.ts';
import { TestRegistry } from '../support/source-events.ts';
import type { Cell, Row } from '../support/source-events.ts';
import { ModelDatabase } from './model-database.ts';
import type { DatabaseBackup, ModelTable, Statement } from './model-database.ts';
import { createModelSource } from './model-source.ts';

/** Time that passes as fast as it is asked for. */
function hastyClock(): Clock {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms) {
      nowMs += ms;
      await macrotask();
    },
  };
}

function cellText(cell: Cell): string | null {
  if (cell === null) return null;
  const text = String(cell);
  return typeof cell === 'string' && text.startsWith('0x') ? text.slice(2) : text;
}

function rowOf(table: ModelTable, row: Row): TextRow {
  return table.columns.map(([name]) => cellText(row[name] ?? null));
}

function statementOf(database: ModelDatabase, step: WriteStep): Statement {
  const table = present(database.table(step.table), step.table);
  if (step.op === 'insert') return { do: 'insert', table: table.name, row: rowOf(table, step.row) };
  const key = rowOf(table, step.key).slice(0, table.keyLength);
  if (step.op === 'delete') return { do: 'delete', table: table.name, key };
  const { set } = step;
  const before = present(table.rows.get(keyText(key)), 'a row');
  const row = table.columns.map(([name], index) =>
    name in set ? cellText(set[name] ?? null) : (before[index] ?? null),
  );
  return { do: 'update', table: table.name, key, row };
}

function write(database: ModelDatabase, steps: readonly WriteStep[]): void {
  // An update of a row that the same transaction inserted needs that row: one after the other.
  database.transactEach(steps.map((step) => () => statementOf(database, step)));
}

async function makeWorld(): Promise<SourceUnderTest> {
  const database = new ModelDatabase();
  const clock = hastyClock();
  const open = (): SourceUnderTest['source'] =>
    createModelSource({ database, clock, namespace: 'app', chunkRowsMax: 1000 });
  let source = open();
  let backup: DatabaseBackup | null = null;
  const kinds: Readonly<Record<CellKind, string>> = {
    long: 'long',
    double: 'double',
    string: 'string',
    binary: 'binary',
  };
  return {
    get source() {
      return source;
    },
    registry: new TestRegistry(),
    async reopen() {
      source = open();
      return source;
    },
    async createTable({ name, columns, key }) {
      const others = Object.keys(columns).filter((column) => !key.includes(column));
      const ordered = [...key, ...others].map(
        (column) => [column, kinds[present(columns[column], column)]] as const,
      );
      database.createTable(name, ordered, key.length);
    },
    write: async (steps) => write(database, steps),
    addColumn: async (table, name, kind) => database.addColumn(table, [name, kinds[kind]]),
    dropTable: async (table) => database.dropTable(table),
    async startWriter(table, rows) {
      const end = new AbortController();
      const writing = (async () => {
        for (let turn = 0; !end.signal.aborted; turn++) {
          const id = String(1 + (turn % rows));
          const [, v, note] = present(database.table(table)?.rows.get(keyText([id])), 'a row');
          const row = [id, String(BigInt(v ?? '0') + 1n), note ?? null];
          database.transact([{ do: 'update', table, key: [id], row }]);
          await macrotask();
        }
      })();
      return {
        async stop() {
          end.abort();
          await writing;
        },
      };
    },
    async backUp() {
      backup = database.backUp();
    },
    async restore() {
      database.restore(present(backup, 'a backup'));
    },
    traces: async () => database.captured(),
    async close() {
      // Nothing is open.
    },
  };
}

sourceConformance('model', makeWorld);
