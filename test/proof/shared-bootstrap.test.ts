/**
 * A table loaded by several real processes: a helper and the owner are killed on the way, another
 * owner goes on, and helpers take over what the dead had claimed. Every row is in the base once,
 * whatever was written to the source meanwhile.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { baseStateOf } from '../../src/base/base-table.ts';
import { loadPipelineFile } from '../../src/config/load-pipeline-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { openLake } from '../../src/pipeline/adapters.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import { Workplace } from '../cli/firn-process.ts';

const PROCESS = fileURLToPath(new URL('shared-bootstrap-process.ts', import.meta.url));

const ROWS = 8000;
const LEASE_MS = 1500;

/** A process and what it said. */
interface Player {
  readonly child: ChildProcess;
  readonly events: { readonly kind: string; readonly rows?: number }[];
  readonly ended: Promise<number | null>;
  /** Waits until it has said something. */
  said(kind: string, count?: number): Promise<void>;
}

function start(place: Workplace, role: 'run' | 'join'): Player {
  const child = spawn(process.execPath, [PROCESS, place.folder, role, String(LEASE_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: { readonly kind: string }[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line) as { readonly kind: string });
    for (const wake of waiting) wake();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
  });
  const said = (kind: string, count = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const wake = (): void => {
        if (events.filter((event) => event.kind === kind).length < count) return;
        waiting.delete(wake);
        resolve();
      };
      waiting.add(wake);
      wake();
      void ended.then(() => reject(new Error(`ended without ${count} of ${kind}`)));
    });
  return { child, events, ended, said };
}

async function base(place: Workplace): Promise<LoadedTable> {
  const config = loadPipelineFile(place.path('firn.yaml'));
  const lake = await openLake({ config, clock: systemClock, random: systemRandom });
  const table = await lake.catalog.loadTable({ namespace: 'shop', name: 'users' });
  await lake.catalog.close();
  ok(table);
  return table;
}

/** What each process that committed rows to a branch of the table has added. */
function rowsByWriter({ metadata }: LoadedTable): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const { summary } of metadata.snapshots) {
    const added = Number.parseInt(summary['added-records'] ?? '0', 10);
    const writer = summary['firn.writer'] ?? '';
    if (added > 0) rows.set(writer, (rows.get(writer) ?? 0) + added);
  }
  return rows;
}

test('spec: B14, B15, B16 — killed owner, killed helper: every row is in once', async (t) => {
  using place = new Workplace();
  place.sql(
    'app.db',
    `PRAGMA journal_mode = WAL;
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${ROWS})
    INSERT INTO users SELECT value, 'name of user ' || value FROM n`,
  );
  writeFileSync(
    place.path('firn.yaml'),
    `name: shop
source: {type: sqlite, path: ./app.db}
tables: [users]
lake: {warehouse: ./lake}
base: {buckets: 2}`,
  );
  const players: Player[] = [];
  const begin = (role: 'run' | 'join'): Player => {
    const player = start(place, role);
    players.push(player);
    return player;
  };
  t.after(() => players.forEach(({ child }) => child.kill('SIGKILL')));
  for (const name of ['hold-alone', 'hold-shared']) writeFileSync(place.path(name), '');
  const owner = begin('run');
  await owner.said('bootstrap-progress');
  const victim = begin('join');
  const survivor = begin('join');
  // They say whom they wait for once they have asked.
  await Promise.all([victim.said('note'), survivor.said('note')]);
  rmSync(place.path('hold-alone'));
  await victim.said('bootstrap-progress', 3);
  victim.child.kill('SIGKILL');
  place.sql('app.db', `UPDATE users SET name = 'later' WHERE id % 50 = 0`);
  await survivor.said('bootstrap-progress', 3);
  // It stands in the middle of a range of its own, or soon will.
  owner.child.kill('SIGKILL');
  await owner.ended;
  equal(baseStateOf(await base(place)), null, 'nothing is shown before all rows are in');
  place.sql('app.db', `DELETE FROM users WHERE id % 60 = 1; INSERT INTO users VALUES (-1, 'new')`);
  rmSync(place.path('hold-shared'));
  const heir = begin('run');
  equal(await heir.ended, 0);
  equal(await survivor.ended, 0);
  const proof = await place.run('verify', 'firn.yaml', '--json');
  equal(proof.code, 0, proof.out + proof.err);
  const counted = await place.run(
    'query',
    'firn.yaml',
    'SELECT count(*) - count(DISTINCT id) AS twice FROM users',
    '--json',
  );
  const { rows } = JSON.parse(counted.out) as { readonly rows: unknown };
  deepEqual(rows, [{ twice: 0 }]);
  const shares = [...rowsByWriter(await base(place)).values()];
  t.diagnostic(`rows by process: ${shares.join(', ')}`);
  ok(shares.length >= 2, 'the owner and a helper loaded rows');
});
