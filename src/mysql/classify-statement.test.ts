/**
 * A corpus of statements in both dialects: what each one does to stored rows and names. The default
 * database is `shop`.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { classifyStatement } from './classify-statement.ts';
import type { MysqlFlavour } from './mysql-column.ts';
import { mentionsTable, swapsIn } from './statement.ts';
import type { Statement, TableEffect } from './statement.ts';

const FLAVOURS = ['mysql', 'mariadb'] as const;

const SERVERS = { mysql: 90_704, mariadb: 101_114 } as const satisfies Record<MysqlFlavour, number>;

function classify(sql: string, flavour: MysqlFlavour = 'mysql', sqlMode = 0n): Statement {
  const text = { sql, database: 'shop', sqlMode };
  return classifyStatement(text, { flavour, version: SERVERS[flavour] });
}

/** A statement as one line. */
function brief(statement: Statement): string {
  switch (statement.kind) {
    case 'xa':
      return `xa ${statement.action} ${statement.xid}`;
    case 'tables':
      return statement.effects.map(briefEffect).join(', ');
    case 'database-dropped':
      return `database-dropped ${statement.database}`;
    case 'rows':
      return `rows ${statement.tables?.map(name).join(' ') ?? 'anywhere'}`;
    default:
      return statement.kind;
  }
}

function name(table: { readonly namespace: string; readonly table: string }): string {
  return `${table.namespace}.${table.table}`;
}

function briefEffect(effect: TableEffect): string {
  const about = `${effect.kind} ${name(effect.table)}`;
  switch (effect.kind) {
    case 'created':
      return `${about}${effect.replaces ? ' replacing' : ''}${effect.rowsUnlogged ? ' filled' : ''}`;
    case 'renamed':
      return `${about} > ${name(effect.to)}`;
    case 'extended':
    case 'kept':
      return effect.keysDropped.length === 0 ? about : `${about} -${effect.keysDropped.join(' -')}`;
    default:
      return about;
  }
}

/** What must come out of which statements, on which servers. */
interface Group {
  readonly flavours: readonly MysqlFlavour[];
  readonly expected: string;
  readonly statements: string[];
}

/**
 * The corpus: `== servers`, below it what must come out, below that the statements, indented by
 * four spaces, each on a line (`⏎` is a new line in it).
 */
function readCorpus(): readonly Group[] {
  const groups: Group[] = [];
  let flavours: readonly MysqlFlavour[] = [];
  const path = new URL('../../test/golden/statements.txt', import.meta.url);
  for (const line of readFileSync(path, 'utf8').trimEnd().split('\n')) {
    if (line.startsWith('== ')) {
      flavours = FLAVOURS.filter((flavour) => line.includes(flavour));
    } else if (line.startsWith('    ')) {
      groups.at(-1)?.statements.push(line.slice(4).replaceAll('⏎', '\n'));
    } else {
      groups.push({ flavours, expected: line, statements: [] });
    }
  }
  return groups;
}

test('each statement of the corpus is what it is, on both servers (spec: Y10, Y12)', () => {
  let count = 0;
  for (const { flavours, expected, statements } of readCorpus()) {
    for (const flavour of flavours) {
      for (const sql of statements) {
        equal(brief(classify(sql, flavour)), expected, `${flavour}: ${sql}`);
        count++;
      }
    }
  }
  ok(count > 600, `${count} statements`);
});

test('quoting follows the sql_mode of the session (spec: Y10)', () => {
  const ansi = 4n;
  const noEscapes = 1n << 20n;
  equal(brief(classify('DROP TABLE "t"')), 'unknown');
  equal(brief(classify('DROP TABLE "t"', 'mysql', ansi)), 'dropped shop.t');
  equal(brief(classify('DROP TABLE "a""b"', 'mysql', ansi)), 'dropped shop.a"b');
  const trick = String.raw`ALTER TABLE t COMMENT='\', DROP COLUMN c, COMMENT='x'`;
  equal(brief(classify(trick, 'mysql', noEscapes)), 'changed shop.t, kept shop.t');
  equal(brief(classify(trick)), 'unknown');
  equal(brief(classify(String.raw`ALTER TABLE t COMMENT='\', DROP COLUMN c'`)), 'kept shop.t');
  const twoDashes = 'DROP TABLE t --1';
  equal(brief(classify(twoDashes)), 'unknown');
  equal(brief(classify('DROP TABLE t --\t1')), 'dropped shop.t');
});

test('a name is found in a text that is not understood, in any quoting (spec: Y11)', () => {
  const shop = (table: string): { namespace: string; table: string } => ({
    namespace: 'shop',
    table,
  });
  for (const sql of [
    'FROB orders',
    'FROB ORDERS',
    'frob `orders`',
    'x.orders',
    "'orders'",
    '/*orders*/',
  ]) {
    ok(mentionsTable(sql, shop('Orders')), sql);
  }
  for (const sql of ['FROB orders2', 'FROB my_orders', 'FROB', 'ordersé', 'FROB order s']) {
    ok(!mentionsTable(sql, shop('orders')), sql);
  }
  ok(mentionsTable('FROB `a``b`', shop('a`b')));
  ok(mentionsTable('FROB "a""b"', shop('a"b')));
  ok(mentionsTable('FROB `my table`', shop('my table')));
});

test('swaps of migration tools are recognised by their names (spec: Y14)', () => {
  const swaps = (sql: string): readonly string[] => {
    const statement = classify(sql);
    if (statement.kind !== 'tables') return [statement.kind];
    return swapsIn(statement.effects).map(
      ({ table, to, from, tool }) => `${table.table} > ${to.table}, ${from.table}: ${String(tool)}`,
    );
  };
  deepEqual(
    swaps('rename /* gh-ost */ table `shop`.`t` to `shop`.`_t_del`, `shop`.`_t_gho` to `shop`.`t`'),
    ['t > _t_del, _t_gho: gh-ost'],
  );
  deepEqual(swaps('RENAME TABLE t TO _t_20260102030405_del, _t_gho TO t'), [
    't > _t_20260102030405_del, _t_gho: gh-ost',
  ]);
  deepEqual(swaps('RENAME TABLE `shop`.`t` TO `shop`.`_t_old`, `shop`.`_t_new` TO `shop`.`t`'), [
    't > _t_old, _t_new: pt-online-schema-change',
  ]);
  deepEqual(swaps('RENAME TABLE t TO __t_old, ___t_new TO t'), [
    't > __t_old, ___t_new: pt-online-schema-change',
  ]);
  deepEqual(swaps('RENAME TABLE a TO tmp, b TO a, tmp TO b'), [
    'a > tmp, b: null',
    'b > a, tmp: null',
    'tmp > b, a: null',
  ]);
  deepEqual(swaps('RENAME TABLE t TO archive'), []);
});
