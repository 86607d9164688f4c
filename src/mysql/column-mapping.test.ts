/** Types in the lake by type in the source, and what reads and finds their values again. */
import { deepEqual, equal } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ColumnBuilder } from '../model/column-builder.ts';
import type { ColumnType } from '../model/column-type.ts';
import { formatColumnType } from '../model/column-type.ts';
import { mapColumn } from './column-mapping.ts';
import type { MysqlColumn } from './mysql-column.ts';
import { keyLiteral } from './parameter-text.ts';
import { parseSourceType } from './source-type.ts';
import { selectExpression } from './text-reader.ts';

function column(columnType: string, charset: string | null = null): MysqlColumn {
  const dataType = /^[a-z0-9]+/.exec(columnType)?.[0] ?? '';
  const rest = { nullable: true, generated: false, invisible: false };
  return { name: 'v', dataType, columnType, charset, collation: null, ...rest };
}

function mapped(columnType: string, onMisfit: 'halt' | 'text' = 'halt'): string {
  const charset = /char|text|enum|set/.test(columnType) ? 'utf8mb4' : null;
  const mapping = mapColumn(column(columnType, charset), 'mysql', onMisfit);
  return mapping.kind === 'mapped' ? formatColumnType(mapping.type) : mapping.kind;
}

describe('a column', () => {
  test('has a type that holds all of its values (spec: Y15)', () => {
    const types = [
      ['tinyint(1)', 'int'],
      ['int unsigned', 'long'],
      ['bigint(20) unsigned', 'decimal(20, 0)'],
      ['bigint(20) unsigned zerofill', 'decimal(20, 0)'],
      ['decimal(38,10)', 'decimal(38, 10)'],
      ['decimal(39,0)', 'string'],
      ['float', 'float'],
      ['bit(1)', 'boolean'],
      ['bit(2)', 'long'],
      ['bit(64)', 'decimal(20, 0)'],
      ['year(4)', 'int'],
      ['time(6)', 'long'],
      ['timestamp', 'timestamptz'],
      ['datetime(6)', 'timestamp'],
      ["set('a','b')", 'string'],
      ['binary(16)', 'binary'],
      ['multipolygon', 'binary'],
      ['uuid', 'uuid'],
      ['inet6', 'string'],
      ['xmltype', 'refused'],
    ];
    deepEqual(
      types.map(([from = '']) => [from, mapped(from)]),
      types,
    );
  });

  test('is text by policy, unless it is bytes (spec: Y16)', () => {
    equal(mapped('date', 'text'), 'string');
    equal(mapped('bigint unsigned', 'text'), 'string');
    equal(mapped('vector(3)', 'text'), 'string');
    equal(mapped('varbinary(3)', 'text'), 'binary');
  });

  test('that cannot be exact is refused by name', () => {
    const refused = [column('text', 'klingon'), column('datetime /* mariadb-5.3 */')].map(
      (one) => mapColumn(one, 'mariadb', 'halt').kind,
    );
    deepEqual(refused, ['refused', 'refused']);
  });

  test('keeps its labels and character set in its type’s name', () => {
    const source = parseSourceType(`enum('a','b,c','d''e','f"g','h\\\\i') character set latin1`);
    deepEqual(source.labels, ['a', 'b,c', "d'e", 'f"g', 'h\\i']);
    equal(source.charset, 'latin1');
  });

  test('is selected so that nothing is lost', () => {
    const expression = (sourceType: string): string => {
      const type: ColumnType = { kind: 'string' };
      return selectExpression({ sourceName: 'a`b', type, sourceType }, 'mysql');
    };
    equal(expression('int'), '`a``b`');
    equal(expression('float(7,4)'), '`a``b` * 1e0');
    equal(expression('varchar(9) character set utf8mb4'), '`a``b`');
    equal(expression('varchar(9) character set gbk'), 'CAST(`a``b` AS BINARY)');
  });
});

describe('a literal of a key', () => {
  function literal(
    type: ColumnType,
    sourceType: string,
    append: (to: ColumnBuilder) => void,
  ): string {
    const builder = new ColumnBuilder(type);
    append(builder);
    const own = { id: 1, name: 'k', sourceName: 'k', type, sourceType };
    return keyLiteral(own, builder.finish(), 0, 'mysql');
  }

  test('is the value, and can end no literal', () => {
    const string: ColumnType = { kind: 'string' };
    const text = literal(string, 'varchar(9) character set gbk', (to) => to.appendString(`'\\`));
    equal(text, "_utf8mb4 x'275c'");
    const huge = (to: ColumnBuilder): void => to.appendUnsignedHalves(-1, -1);
    const u64: ColumnType = { kind: 'decimal', precision: 20, scale: 0 };
    equal(literal(u64, 'bigint unsigned', huge), '18446744073709551615');
    const cents: ColumnType = { kind: 'decimal', precision: 9, scale: 2 };
    equal(
      literal(cents, 'decimal(9,2)', (to) => to.appendSafeInteger(-5)),
      '-0.05',
    );
    const early = (to: ColumnBuilder): void => to.appendSafeInteger(-1);
    equal(literal({ kind: 'timestamp' }, 'datetime(6)', early), "'1969-12-31 23:59:59.999999'");
    equal(literal({ kind: 'long' }, 'time(6)', early), "'-00:00:00.000001'");
    equal(literal({ kind: 'long' }, 'bigint', early), '-1');
    equal(
      literal({ kind: 'date' }, 'date', (to) => to.appendNumber(-1)),
      "'1969-12-31'",
    );
    equal(
      literal({ kind: 'binary' }, 'binary(2)', (to) => to.appendBytes(Buffer.of(0, 39))),
      "x'0027'",
    );
    const label = (to: ColumnBuilder): void => to.appendString('b');
    equal(literal(string, "enum('a','b') character set utf8mb4", label), '2');
  });
});
