/**
 * Trino reads Firn’s tables on S3 with the lines of `firn catalog connect trino`, cell by cell as
 * Firn does. By hand only, with `FIRN_TRINO=1`: its server is a download of almost 1 GB. The form
 * of its cells is tested everywhere.
 */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { present } from '../../../src/kernel/assert.ts';
import { startTrino } from '../../../tools/servers/trino-server.ts';
import { difference } from './firn-cells.ts';
import type { KnownRows } from './firn-cells.ts';
import type { ConnectDocument } from './matrix-lake.ts';
import { bucketLake, bucketVectorLake, typedLake } from './matrix-lakes.ts';
import type { MatrixState } from './matrix-lakes.ts';
import { readTrino, trinoRows, trinoVersion } from './trino-reader.ts';

const KINDS = {
  l: 'integer',
  d: 'decimal',
  f: 'float',
  r: 'double',
  b: 'binary',
  day: 'date',
  at: 'timestamp',
  zoned: 'timestamptz',
  yes: 'boolean',
  none: 'string',
};

/** Two answers of one statement. */
const PAGES = [
  `{"id": "1", "columns": ${JSON.stringify(Object.keys(KINDS).map((name) => ({ name })))}}`,
  `{"id": "1", "data": [[-9223372036854775808, "-9999999999999999999999999999.9999999990", 0.1,
    "-Infinity", "YQD/", "0001-01-01", "1969-12-31 23:59:59.000001",
    "9999-12-31 23:59:59.999999 UTC", false, null]]}`,
];

test('an answer of Trino becomes cells without a loss', () => {
  const answer = trinoRows(PAGES, KINDS);
  deepEqual(answer, {
    kind: 'rows',
    columns: Object.keys(KINDS),
    rows: [
      [
        '-9223372036854775808',
        '-9999999999999999999999999999.999999999',
        '3dcccccd',
        'fff0000000000000',
        '6100ff',
        '-719162',
        '-999999',
        '253402300799999999',
        'false',
        null,
      ],
    ],
  });
  const elsewhere = PAGES.map((text) => text.replace(' UTC', ' Asia/Tokyo'));
  throws(() => trinoRows(elsewhere, KINDS), /no time in UTC/);
  const refused = `{"error": {"errorName": "INTERNAL", "failureInfo":
    {"message": "no table", "cause": {"message": "no file"}}}}`;
  deepEqual(trinoRows([refused], KINDS), { kind: 'refused', error: 'INTERNAL: no file' });
});

interface Compared {
  readonly state: MatrixState;
  readonly query: string;
  readonly known: KnownRows;
}

/** States of one lake, and what the server over it is started with. */
interface Wish {
  readonly states: readonly MatrixState[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The name of the catalog whose file is to hold the lines. */
function catalogOf({ where }: ConnectDocument): string {
  return present(/^etc\/catalog\/(\w+)\.properties/.exec(where)?.[1], where);
}

/** One table; one that Trino 470 cannot read must be refused, never read as something else. */
async function compare(t: TestContext, uri: string, request: Compared): Promise<void> {
  const { state, query, known } = request;
  const found = await readTrino(uri, query, known.kinds);
  if (found.kind === 'refused') t.diagnostic(found.error);
  if (state.format === 'v3') equal(found.kind, 'refused');
  else equal(found.kind === 'refused' ? found.error : difference(known, found), null);
}

async function readLake(t: TestContext, request: Wish): Promise<number> {
  const { states, folder, environment } = request;
  const connection = present(
    await present(states[0], 'a state').lake.connection('trino', 'rest'),
    'a way in',
  );
  const catalogs = { [catalogOf(connection)]: connection.setup };
  const trino = await startTrino({ folder, catalogs, environment });
  let cells = 0;
  try {
    t.diagnostic(`Trino ${await trinoVersion(trino.uri)}`);
    for (const state of states) {
      for (const table of state.tables) {
        const known = await state.lake.known(table.table);
        const size = known.rows.length * known.columns.length;
        if (state.format === 'v2') cells += size;
        const query = state.lake.query(connection, table);
        await t.test(`${state.title} (${state.format}), ${table.table}: ${size} cells`, (one) =>
          compare(one, trino.uri, { state, query, known }),
        );
      }
    }
  } finally {
    await trino.end();
  }
  return cells;
}

async function readsAsFirn(t: TestContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-trino-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { states, bucket, environment } = await bucketLake(t, folder);
  const lakes = [states, await typedLake(t, bucket), await bucketVectorLake(t, bucket)];
  let cells = 0;
  for (const [at, of] of lakes.entries()) {
    const own = join(folder, `trino-${at}`);
    cells += await readLake(t, { states: of, folder: own, environment });
  }
  t.diagnostic(`${cells} cells`);
}

if (process.env['FIRN_TRINO'] === '1') test('Trino reads what Firn reads', readsAsFirn);
