/**
 * The reader matrix: other engines open Firn’s tables with the lines of `firn catalog connect`
 * and must read what Firn reads, cell by cell. The findings are `docs/compatibility.md`, which must
 * say what this run saw; `FIRN_WRITE_PAGES=1` writes it anew.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { present } from '../../../src/kernel/assert.ts';
import { renderCompatibility, steadyText } from './compatibility-page.ts';
import type { Finding, Section } from './compatibility-page.ts';
import { difference } from './firn-cells.ts';
import type { KnownRows } from './firn-cells.ts';
import type { DoorName, MatrixLake } from './matrix-lake.ts';
import { bucketLake, changedLake, mergedLake, typedLake, vectorLake } from './matrix-lakes.ts';
import type { MatrixState, SharedLake } from './matrix-lakes.ts';
import type { ReaderProcess } from './reader-process.ts';
import { READERS, matrixSkip } from './readers.ts';
import type { Reader } from './readers.ts';

const PAGE = 'docs/compatibility.md';
const DOORS: readonly DoorName[] = ['file', 'rest'];
const skip = matrixSkip();

/** Firn’s own rows, by lake and table. */
type Known = ReadonlyMap<string, KnownRows>;

const keyOf = (lake: MatrixLake, table: string): string => `${lake.name} ${table}`;

/** Opens the lakes of the states through every door; the engine’s version. */
async function openAll(
  reader: Reader,
  process: ReaderProcess,
  lakes: readonly MatrixLake[],
): Promise<string> {
  let version = '';
  for (const lake of lakes) {
    for (const door of DOORS) {
      const connection = await lake.connection(reader.engine, door);
      if (connection === null) continue;
      version = await process.open(`${lake.name} ${door}`, connection.setup);
    }
  }
  return version;
}

async function readState(
  reader: Reader,
  process: ReaderProcess,
  request: { readonly state: MatrixState; readonly door: DoorName; readonly known: Known },
): Promise<Finding> {
  const { state, door, known } = request;
  const { lake } = state;
  const connection = await lake.connection(reader.engine, door);
  if (connection === null) return { kind: 'closed' };
  for (const table of state.tables) {
    const expected = present(known.get(keyOf(lake, table.table)), table.table);
    const query = lake.query(connection, table);
    const answer = await process.read(`${lake.name} ${door}`, query, expected.kinds);
    if (answer.kind === 'refused') return { kind: 'refused', text: steadyText(answer.error) };
    const text = difference(expected, answer);
    if (text !== null) return { kind: 'wrong', text: `${table.table}: ${text}` };
  }
  return { kind: 'equal' };
}

/** What one reader found: by door, by state. */
interface Read {
  readonly title: string;
  readonly findings: ReadonlyMap<string, Finding>;
}

const placeOf = (state: MatrixState, door: DoorName): string =>
  `${state.lake.name} ${door} ${state.title}`;

async function readAll(
  reader: Reader,
  process: ReaderProcess,
  request: { readonly states: readonly MatrixState[]; readonly known: Known },
): Promise<Read> {
  const { states, known } = request;
  const lakes = [...new Set(states.map(({ lake }) => lake))];
  const version = await openAll(reader, process, lakes);
  const findings = new Map<string, Finding>();
  for (const door of DOORS) {
    for (const state of states) {
      const finding = await readState(reader, process, { state, door, known });
      findings.set(placeOf(state, door), finding);
    }
  }
  const by = reader.by === null ? '' : ` (${reader.by})`;
  const title = `${reader.title} ${version}${by}`;
  const seen = [...findings.values()].map(({ kind }) => kind);
  const count = (kind: Finding['kind']): number => seen.filter((one) => one === kind).length;
  globalThis.process.stdout.write(
    `${title}: ${count('equal')} equal, ${count('refused')} refused, ${count('wrong')} wrong in ` +
      `${process.seconds.toFixed(1)} s, ${process.cpuSeconds().toFixed(1)} s of CPU\n`,
  );
  return { title, findings };
}

function sectionOf(
  text: Pick<Section, 'title' | 'intro'>,
  request: {
    readonly reads: readonly Read[];
    readonly rows: readonly (readonly [title: string, state: MatrixState, door: DoorName])[];
  },
): Section {
  const rows = request.rows.map(([title, state, door]) => {
    const found = request.reads.map((read): [string, Finding] => [
      read.title,
      present(read.findings.get(placeOf(state, door)), 'a finding'),
    ]);
    return { title, findings: new Map(found) };
  });
  return { ...text, rows };
}

function pageOf(
  reads: readonly Read[],
  states: { readonly folder: readonly MatrixState[]; readonly bucket: readonly MatrixState[] },
): string {
  const rowsOf = (door: DoorName) =>
    states.folder.map((state) => [`${state.title} (${state.format})`, state, door] as const);
  const bucketRows = states.bucket.flatMap((state) =>
    DOORS.map((door) => {
      const by = door === 'file' ? 'catalog file' : 'REST';
      return [`${state.title} (${state.format}), ${by}`, state, door] as const;
    }),
  );
  return renderCompatibility({
    readers: reads.map(({ title }) => title),
    intro: [
      'Written by the reader matrix of `npm run test:engines`, which runs in CI and fails when it',
      'sees anything else than this page says. **equal**: every cell is what `firn query` gives,',
      'over values that break copies (64-bit borders, infinities, subnormals, NUL and empty text,',
      'all bytes, decimals of 38 digits, times before 1970). Each engine opened the tables with',
      'exactly the lines of `firn catalog connect` ([reading.md](reading.md)). **–**: no way in',
      'through that door.',
    ],
    sections: [
      sectionOf(
        { title: 'A lake in a folder, by the catalog’s file', intro: 'No server runs.' },
        { reads, rows: rowsOf('file') },
      ),
      sectionOf(
        { title: 'The same tables over REST', intro: 'Through `firn catalog serve`.' },
        { reads, rows: rowsOf('rest') },
      ),
      sectionOf(
        { title: 'A lake on S3', intro: 'On SeaweedFS, both ways.' },
        { reads, rows: bucketRows },
      ),
    ],
  });
}

/** Spark changes tables under Firn. */
async function changeBySpark(
  spark: ReaderProcess,
  { lake, changes }: Pick<SharedLake, 'lake' | 'changes'>,
): Promise<void> {
  for (const sql of changes) {
    const answer = await spark.read(`${lake.name} rest`, sql);
    equal(answer.kind === 'refused' ? answer.error : '', '', sql);
  }
}

/** The row ids of a table by its key, as Spark reads them. */
async function rowIds(
  spark: ReaderProcess,
  lake: MatrixLake,
  table: string,
): Promise<ReadonlyMap<string, string>> {
  const answer = await spark.read(`${lake.name} rest`, `SELECT id, _row_id FROM firn.app.${table}`);
  if (answer.kind === 'refused') throw new Error(answer.error);
  const ids = new Map(answer.rows.map(([key, id]) => [`${key}`, `${id}`]));
  equal(new Set(ids.values()).size, answer.rows.length, 'each row has an id of its own');
  return ids;
}

test('every reader of the matrix', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-matrix-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { states: bucket, environment } = await bucketLake(t, folder);
  const shared = [await changedLake(t), await vectorLake(t)];
  const [spark, ...others] = READERS;
  const started = new Map<string, ReaderProcess>();
  t.after(() => {
    for (const process of started.values()) process.end();
  });
  const start = (reader: Reader): ReaderProcess => {
    const process = reader.start({ folder: mkdtempSync(join(folder, 'reader-')), environment });
    started.set(reader.engine, process);
    return process;
  };
  const first = present(spark, 'Spark');
  const sparkProcess = start(first);
  const vectors = present(shared[1], 'a lake').lake;
  await openAll(
    first,
    sparkProcess,
    shared.map(({ lake }) => lake),
  );
  for (const lake of shared) await changeBySpark(sparkProcess, lake);
  const idsBefore = await rowIds(sparkProcess, vectors, 'merged');
  const states: MatrixState[] = [];
  for (const { finish } of shared) states.push(...(await finish()));
  states.push(...(await mergedLake(t)), ...(await typedLake(t)));
  const idsAfter = await rowIds(sparkProcess, vectors, 'merged');
  const known = new Map<string, KnownRows>();
  for (const { lake, tables } of [...states, ...bucket]) {
    for (const { table } of tables) known.set(keyOf(lake, table), await lake.known(table));
  }
  const cells = [...known.values()].reduce(
    (sum, one) => sum + one.rows.length * one.columns.length,
    0,
  );
  t.diagnostic(`${known.size} tables with ${cells} cells`);
  const reads: Read[] = [];
  for (const reader of [first, ...others]) {
    const process = started.get(reader.engine) ?? start(reader);
    const all = [...states, ...bucket];
    reads.push(await readAll(reader, process, { states: all, known }));
    process.end();
  }
  await t.test('rows that are updated keep their row ids', () => {
    const kept = [...idsAfter.keys()].filter((key) => idsBefore.has(key));
    ok(kept.length > 100, `${kept.length} rows`);
    for (const key of kept) equal(idsAfter.get(key), idsBefore.get(key), key);
  });
  await t.test('what must be equal is equal', () => {
    for (const [at, reader] of READERS.entries()) {
      const failed = [...states, ...bucket].flatMap((state) =>
        DOORS.flatMap((door) => {
          const finding = reads[at]?.findings.get(placeOf(state, door));
          if (!reader.must.includes(state.format)) return [];
          if (Object.hasOwn(reader.but ?? {}, state.title)) return [];
          if (finding?.kind === 'equal' || finding?.kind === 'closed') return [];
          return [{ place: placeOf(state, door), finding }];
        }),
      );
      deepEqual(failed, [], reader.title);
    }
  });
  await t.test(`${PAGE} says what this run saw`, () => {
    const page = pageOf(reads, { folder: states, bucket });
    if (process.env['FIRN_WRITE_PAGES'] === '1') writeFileSync(PAGE, page);
    equal(readFileSync(PAGE, 'utf8'), page);
  });
});
