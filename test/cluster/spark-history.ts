/**
 * One history of a table with every type and with names that break quotes, told to several ledgers:
 * what its bases hold is compared value by value.
 */
import { parseColumnType } from '../../src/model/column-type.ts';
import { present } from '../../src/kernel/assert.ts';
import { REREAD_ROW } from '../../src/model/change-sequence.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { commitTsUs } from '../simulation/model-places.ts';
import { changeBatch } from '../simulation/row-cells.ts';
import type { TextChange } from '../simulation/row-cells.ts';
import type { TablePair } from '../simulation/table-pair.ts';

/** Columns by type with the values that are written into them; the first two are the key. */
const COLUMNS: readonly (readonly [name: string, type: string, values: TextRow])[] = [
  ['key`of', 'string', []],
  ['line', 'long', []],
  ["quo'te", 'boolean', ['1', '0', null]],
  ['int', 'int', ['2147483647', '-2147483648', '0', null]],
  ['long', 'long', ['9223372036854775807', '-9223372036854775808', '9007199254740993', null]],
  ['float', 'float', ['0.5', '-3.4028234663852886e38', '1e-45', 'NaN', 'Infinity', '-0', null]],
  ['dou"ble', 'double', ['0.1', '1.7976931348623157e308', '5e-324', 'NaN', '-Infinity', null]],
  ['dec\\imal', 'decimal(38,10)', ['99999999999999999999999999999999999999', '-1', '0', null]],
  ['money', 'decimal(9,2)', ['999999999', '-999999999', null]],
  ['born', 'date', ['0', '-719162', '2932896', '-141428', null]],
  ['seen', 'timestamp', ['0', '-62135596800000000', '253402300799999999', '-1', null]],
  ['changed', 'timestamptz', ['1', '-12219292800000001', '253402300799999999', null]],
  ['${env:HOME}', 'string', ['', 'a\u0000b', 'ß', 'e\u0301', '\u{1F9CA}', 'NULL', "it's", null]],
  ['bi;nary', 'binary', ['', '00', 'ff00', '5c78', null]],
  ['u u', 'uuid', ['00000000000000000000000000000001', 'ffffffffffffffffffffffffffffffff', null]],
  ['-- text', 'string', ['*/', null]],
  ['base', 'string', ['changed', null]],
  ['events', 'int', ['1', null]],
];

const KEYS = [
  '',
  ' ',
  'a',
  'A',
  'a\u0000',
  "'",
  '`',
  '\\',
  'ß',
  'ss',
  '\u{1F9CA}',
  'x'.repeat(300),
];

/** The table's schema; version 2 has another column and a wider one. */
export function historySchema(namespace: string, version: 1 | 2): TableSchema {
  const columns = COLUMNS.map(([name, type], index) => {
    const now = version === 2 && name === 'int' ? 'long' : type;
    return column(index + 1, name, now);
  });
  const added = version === 2 ? [column(COLUMNS.length + 1, 'add.ed', 'decimal(12,3)')] : [];
  return {
    table: { namespace, table: "ta'b`le; ${env:HOME} --" },
    version,
    columns: [...columns, ...added],
    keyColumnIds: [1, 2],
  };
}

function column(id: number, name: string, type: string): TableSchema['columns'][number] {
  const known = present(parseColumnType(type), type);
  return { id, name, sourceName: name, sourceType: type, type: known };
}

function rowOf(key: number, turn: number, more: TextRow = []): TextRow {
  const values = COLUMNS.slice(2).map(
    ([, , list], index) => list[(turn + index) % list.length] ?? null,
  );
  return [KEYS[key % KEYS.length] ?? '', String(BigInt(key) - 4n), ...values, ...more];
}

type Op = 'c' | 'u' | 'd' | 't';

/** A transaction: each change is an op, a key and the turn of its values. */
function transaction(
  seq: bigint,
  changes: readonly (readonly [op: Op, key: number, turn: number])[],
  more: TextRow = [],
): readonly TextChange[] {
  return changes.map(([op, key, turn], index) => {
    const row = 2 * index + (op === 'd' ? 0 : 1);
    return { op, seq, row, values: op === 't' ? [] : rowOf(key, turn, more) };
  });
}

const FIRST = transaction(
  10n,
  Array.from({ length: 30 }, (_, key) => ['c', key, key] as const),
);

const SECOND: readonly TextChange[] = [
  ...transaction(20n, [
    ['u', 1, 3],
    ['u', 1, 4],
    ['d', 2, 2],
    ['c', 40, 5],
    ['d', 40, 5],
    ['c', 41, 1],
  ]),
  ...transaction(21n, [
    ['d', 3, 3],
    ['c', 42, 3],
    ['d', 4, 4],
    ['c', 4, 9],
    ['u', 5, 6],
    ['d', 29, 29],
  ]),
];

/** Not complete when the second merge is made. */
const AHEAD = transaction(30n, [
  ['u', 1, 7],
  ['d', 6, 6],
  ['c', 2, 8],
  ['u', 42, 2],
]);

const WIDER = transaction(
  40n,
  [
    ['u', 7, 3],
    ['c', 50, 2],
    ['d', 8, 8],
  ],
  ['-123456789012'],
);

const AFTER_TRUNCATE: readonly TextChange[] = [
  ...transaction(
    50n,
    [
      ['c', 60, 1],
      ['t', 0, 0],
      ['c', 61, 2],
      ['c', 7, 4],
    ],
    [null],
  ),
  ...transaction(
    51n,
    [
      ['u', 61, 5],
      ['c', 62, 6],
      ['d', 62, 6],
    ],
    ['7'],
  ),
];

const LAST = transaction(
  60n,
  [
    ['u', 61, 8],
    ['d', 7, 4],
    ['c', 60, 3],
  ],
  ['0'],
);

/** What comes to the ledger, and the place up to which it is complete then. */
export interface HistoryStep {
  readonly name: string;
  readonly play: (pair: TablePair, isCluster: boolean) => Promise<void>;
}

function batch(pair: TablePair, changes: readonly TextChange[]): ReturnType<typeof changeBatch> {
  return changeBatch(pair.schema, changes, { epoch: 1, commitTsUs });
}

/** The steps; each is followed by a merge. */
export const HISTORY_STEPS: readonly HistoryStep[] = [
  {
    name: 'every value of every type',
    async play(pair) {
      await pair.append(batch(pair, FIRST));
      await pair.flush(10n);
    },
  },
  {
    name: 'late repeats, doubles, re-reads, and rows above complete-to',
    async play(pair, isCluster) {
      // Keys 0 to 9 come again below the watermark, deleted and changed ones among them.
      await pair.appendAgain(batch(pair, FIRST.slice(0, 10)));
      await pair.append(batch(pair, [...SECOND, ...(isCluster ? AHEAD : [])]));
      await pair.flush(21n);
      // In another file, and once more in a third.
      await pair.appendAgain(batch(pair, SECOND.slice(0, 4)));
      await pair.appendAgain(batch(pair, [...SECOND.slice(1, 3), ...FIRST.slice(28)]));
      const again = (key: number, seq: bigint, turn: number, op: 'r' | 'd' = 'r'): TextChange => {
        return { op, seq, row: REREAD_ROW, values: rowOf(key, turn) };
      };
      // Of two with one place the younger counts; one that is older than a change does not.
      await pair.appendRereads(
        batch(pair, [again(11, 10n, 5), again(12, 10n, 6), again(1, 10n, 9)]),
      );
      await pair.appendRereads(
        batch(pair, [again(11, 10n, 7), again(13, 15n, 8), again(14, 21n, 0, 'd')]),
      );
    },
  },
  {
    name: 'what was above complete-to, another column and a wider one',
    async play(pair, isCluster) {
      if (!isCluster) await pair.append(batch(pair, AHEAD));
      await pair.flush(30n);
      await pair.evolve(historySchema(pair.schema.table.namespace, 2));
      await pair.append(batch(pair, WIDER));
      await pair.flush(40n);
    },
  },
  {
    name: 'a truncate among changes, and older rows late',
    async play(pair) {
      await pair.append(batch(pair, AFTER_TRUNCATE));
      await pair.flush(51n);
      await pair.appendAgain(batch(pair, WIDER));
    },
  },
  {
    name: 'changes after a truncate that came again',
    async play(pair) {
      await pair.append(batch(pair, LAST));
      await pair.flush(60n);
      await pair.appendAgain(batch(pair, AFTER_TRUNCATE));
    },
  },
  {
    name: 'nothing but a place',
    async play(pair) {
      await pair.flush(70n);
    },
  },
];
