/** What people read: harmless, aligned, in human units, without secrets, with a next step. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { EXIT } from '../exit-code.ts';
import { answerFormat, writeAnswer } from './answer-output.ts';
import { formatAgo, formatAmount, formatBytes, formatCount, formatElapsed } from './human-text.ts';
import { displayWidth, fit, printable } from './printable.ts';
import { createRedactor } from './redact.ts';
import { exitCodeOf, mayStartAgain, showError } from './render-error.ts';
import { RunTotals } from './run-totals.ts';
import { createTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';

interface Captured {
  readonly terminal: Terminal;
  readonly out: () => string;
  readonly err: () => string;
}

function capture(
  options: {
    readonly json?: boolean;
    readonly isTTY?: boolean;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Captured {
  let out = '';
  let err = '';
  const { json = false, isTTY = false, environment = {} } = options;
  const stream = (
    take: (text: string) => void,
  ): { isTTY: boolean; write: (text: string) => void } => ({
    isTTY,
    write: take,
  });
  const terminal = createTerminal({
    stdout: stream((text) => {
      out += text;
    }),
    stderr: stream((text) => {
      err += text;
    }),
    json,
    redact: createRedactor(environment),
    environment,
  });
  return { terminal, out: () => out, err: () => err };
}

test('numbers, times and sizes as people read them', () => {
  deepEqual([0, 1, 12_345, 10n ** 20n].map(formatCount), [
    '0',
    '1',
    '12,345',
    '100,000,000,000,000,000,000',
  ]);
  deepEqual([formatAmount(1, 'row'), formatAmount(0, 'row')], ['1 row', '0 rows']);
  deepEqual(
    [0, 12.4, 999, 1000, 9949, 9950, 59_400, 61_000, 3_600_000, 100_000_000, 1e9].map(
      formatElapsed,
    ),
    [
      '0 ms',
      '12 ms',
      '999 ms',
      '1.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '1 min 1 s',
      '1 h 0 min',
      '27 h 46 min',
      '11 d 13 h',
    ],
  );
  deepEqual([0, 999, 1000, 1536, 5e9].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 KiB',
    '1.5 KiB',
    '4.7 GiB',
  ]);
  deepEqual([formatAgo(0, 500), formatAgo(0, 90_500)], ['just now', '1 min 30 s ago']);
});

test('text from outside cannot control a terminal', () => {
  equal(printable('a\u001B[31mb\n\tc\u0000'), 'a\\x1b[31mb\\n\\tc\\x00');
  equal(printable('pay\u202Elap'), 'pay\\u202elap');
  equal(printable('naïve 日本 😀'), 'naïve 日本 😀');
  equal(printable('\uD800'), '\\ud800');
});

test('names in a document cannot control a terminal either', () => {
  const { terminal, out } = capture({ json: true });
  terminal.document({ name: 'a\u009b31m\u202eb\u001b' });
  equal(out(), '{"name":"a\\u009b31m\\u202eb\\u001b"}\n');
});

test('widths count what a terminal shows', () => {
  deepEqual(['abc', '日本', 'é', '😀'].map(displayWidth), [3, 4, 1, 2]);
  equal(fit('日本語です', 5), '日本…');
  equal(fit('short', 5), 'short');
  deepEqual(
    textTable(
      [
        { title: 'name', align: 'left' },
        { title: 'rows', align: 'right' },
      ],
      [
        ['日本', '7'],
        ['orders', '12,345'],
      ],
    ),
    ['name      rows', '日本         7', 'orders  12,345'],
  );
});

test('secrets of the environment and of addresses are taken out, in every form', () => {
  const redact = createRedactor({
    DB_PASSWORD: 'hunter2&more',
    API_KEY: 'key"quoted',
    HOME: '/opt/me',
    TOKEN: 'on',
  });
  equal(redact('x hunter2&more y'), 'x [redacted] y');
  equal(redact(encodeURIComponent('hunter2&more')), '[redacted]');
  equal(redact(`a ${Buffer.from('hunter2&more').toString('base64')}`).includes('[redacted]'), true);
  equal(redact(JSON.stringify({ key: 'key"quoted' })), '{"key":"[redacted]"}');
  equal(
    redact('mysql://me:other@host/db at /opt/me is on'),
    'mysql://[redacted]@host/db at /opt/me is on',
  );
  equal(redact('give it mysql://USER:PASSWORD@HOST'), 'give it mysql://USER:PASSWORD@HOST');
});

test('the password of an address on the command line is taken out wherever it turns up', () => {
  const words = ['run', 'mysql://firn:hunter%2Ftwo!@db/shop', 'mysql://a:%zz@b', '--into', 'lake'];
  const redact = createRedactor({}, words);
  equal(redact('denied: hunter/two! or hunter%2Ftwo!'), 'denied: [redacted] or [redacted]');
  equal(redact('run --into lake'), 'run --into lake');
});

test('progress lines stay below all others and leave nothing behind', () => {
  const { terminal, out, err } = capture({ isTTY: true });
  terminal.progress('a', ['one']);
  terminal.progress('b', ['two']);
  terminal.line('a line');
  terminal.endProgress();
  const gone = '\r\u001B[2A\u001B[0J';
  equal(err(), `one\n\r\u001B[1A\u001B[0Jone\ntwo\n${gone}one\ntwo\n${gone}`);
  equal(out(), 'a line\n');
  const plain = capture();
  plain.terminal.progress('a', ['one']);
  equal(plain.err(), '');
});

test('colour only on a terminal that wants it', () => {
  equal(capture({ isTTY: true }).terminal.paint('bad', 'x'), '\u001B[31mx\u001B[39m');
  equal(capture({ isTTY: true, environment: { NO_COLOR: '1' } }).terminal.paint('bad', 'x'), 'x');
  equal(capture({ isTTY: true, environment: { TERM: 'dumb' } }).terminal.paint('bad', 'x'), 'x');
  equal(capture({ isTTY: true, json: true }).terminal.paint('bad', 'x'), 'x');
  equal(capture().terminal.paint('bad', 'x'), 'x');
});

test('an error says what, where and what next (spec: P13)', () => {
  const { terminal, err } = capture();
  const error = new FirnError('CONFIG-INVALID', {
    what: '2 problems:\n  a\n  b',
    where: '/f.yaml',
  });
  showError(terminal, error, false);
  equal(
    err(),
    'error CONFIG-INVALID: 2 problems (/f.yaml):\n  a\n  b\nnext: Correct the lines that are named. docs/reference/config.md lists every option.\n',
  );
  const hostile = capture();
  showError(hostile.terminal, new FirnError('CONFIG-USAGE', { what: '\u001B[2Jx' }), false);
  match(hostile.err(), /^error CONFIG-USAGE: \\x1b\[2Jx\n/);
  const json = capture({ json: true });
  showError(json.terminal, error, false);
  match(json.out(), /^\{"error":\{"code":"CONFIG-INVALID","disposition":"refuse",.*\}\}\n$/);
  const bug = capture();
  showError(bug.terminal, new TypeError('x is not a function'), true);
  match(
    bug.err(),
    /^error: TypeError: x is not a function\nnext: This is a bug in Firn\..*\nTypeError/,
  );
});

test('one that finds another writer does not start again by itself (spec: C7)', () => {
  const may = (code: ErrorCode): boolean => mayStartAgain(new FirnError(code, { what: '' }));
  equal(may('LEDGER-OTHER-WRITER'), false);
  equal(may('CONFIG-INVALID'), false);
  // Somebody may mend these while it rests.
  ok(may('PIPELINE-OWNED') && may('CLUSTER-UNREACHABLE') && may('CLUSTER-NAME-TAKEN'));
  equal(mayStartAgain(new Error('x')), false);
});

test('exit codes follow the disposition (spec: P15)', () => {
  equal(exitCodeOf(new FirnError('CONFIG-INVALID', { what: '' })), EXIT.usage);
  equal(exitCodeOf(new FirnError('PIPELINE-OWNED', { what: '' })), EXIT.halted);
  equal(exitCodeOf(new FirnError('PIPELINE-TABLE-GONE', { what: '' })), EXIT.halted);
  equal(exitCodeOf(new Error('x')), EXIT.halted);
});

async function answered(format: 'table' | 'csv' | 'json'): Promise<string> {
  const { terminal, out } = capture();
  const answer = {
    columns: [
      { name: 'id', type: 'BIGINT' },
      { name: 'id', type: 'VARCHAR' },
      { name: 'ok', type: 'BOOLEAN' },
    ],
    rows: (async function* rows() {
      yield await Promise.resolve([
        ['9223372036854775807', 'a "b",\u001B', 'true'],
        [null, '', null],
      ]);
      yield [['-0.5e3', 'nan', 'false']];
    })(),
  };
  const signal = new AbortController().signal;
  // Only terminal and signal are looked at.
  const context = { terminal, signal } as Parameters<typeof writeAnswer>[0];
  equal(await writeAnswer(context, answer, { format }), 3);
  return out();
}

test('answers keep every digit, tell NULL from an empty text, and repeat no key', async () => {
  equal(
    await answered('csv'),
    'id,id,ok\n9223372036854775807,"a ""b"",\u001B",true\n,"",\n-0.5e3,nan,false\n',
  );
  const json = await answered('json');
  ok(json.includes('{"id":9223372036854775807,"id_2":"a \\"b\\",\\u001b","ok":true}'), json);
  ok(json.includes('{"id":null,"id_2":"","ok":null}'), json);
  equal((JSON.parse(json) as { rows: unknown[] }).rows.length, 3);
  match(
    await answered('table'),
    /^ +id +id +ok\n9223372036854775807 +a "b",\\x1b +true\n +NULL +NULL\n/,
  );
});

test('a format that does not exist is wrong usage', () => {
  const input = (options: object): Parameters<typeof answerFormat>[0] => ({
    arguments: [],
    options: { ...options },
  });
  equal(answerFormat(input({})), 'table');
  equal(answerFormat(input({ json: true })), 'json');
  equal(answerFormat(input({ format: 'csv', json: true })), 'csv');
  try {
    answerFormat(input({ format: 'xml' }));
    ok(false);
  } catch (error) {
    equal(exitCodeOf(error), EXIT.usage);
  }
});

test('a run is summed up: rates, rows to go, and each thing said once', () => {
  const totals = new RunTotals(0);
  totals.take({ kind: 'bootstrap-progress', table: 's.orders', rows: 0, rowsTotal: 1000 }, 0);
  totals.take({ kind: 'bootstrap-progress', table: 's.orders', rows: 250, rowsTotal: 1000 }, 5000);
  const [copying] = totals.movingLines('shop', 5000);
  equal(copying, 'copying  orders 250 of about 1,000 rows, 25%, 50 rows/s, 15 s to go');
  totals.take({ kind: 'published', table: 's.orders', rows: 1000 }, 6000);
  const committed = {
    kind: 'committed',
    tables: [{ table: 's.orders', rows: 7 }],
    completeTo: { epoch: 1, seq: 7n },
    lagMs: 300,
  } as const;
  totals.take(committed, 7000);
  totals.take(committed, 8000);
  equal(totals.takeSummary(8000), 'ledger: orders 14 changes, 300 ms behind the source');
  equal(totals.takeSummary(9000), null);
});
