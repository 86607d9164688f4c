/** A pipeline of the real program on a live server, and what its end must look like. */
import { deepEqual, equal } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Workplace } from '../../cli/firn-process.ts';
import type { LiveDatabase, LiveServer, Row } from './live-server.ts';

/** The variable in which the pipelines of live tests find their password. */
const PASSWORD = 'LIVE_PASSWORD';

/** A folder in which the program finds the password of `database`. */
export function liveWorkplace(
  database: LiveDatabase,
  environment: Readonly<Record<string, string>> = {},
): Workplace {
  return new Workplace({ ...environment, [PASSWORD]: database.password });
}

/** What a pipeline file says beyond the usual. */
export interface LivePipeline {
  /** The server, or a proxy before it. */
  readonly server: Pick<LiveServer, 'host' | 'port'>;
  readonly database: LiveDatabase;
  /** Names without the database. */
  readonly tables: readonly string[];
}

/** Writes `firn.yaml`, with short intervals: commits every 150 ms, merges every second. */
export function writePipelineFile(place: Workplace, pipeline: LivePipeline): void {
  const { server, database, tables } = pipeline;
  const names = tables.map((table) => `${database.name}.${table}`).join(', ');
  const text = `
name: live
source:
  type: mysql
  host: ${server.host}
  port: ${server.port}
  user: ${database.user}
  password: {env: ${PASSWORD}}
  tls: off
  heartbeatInterval: 1s
tables: [${names}]
lake: {warehouse: ./lake}
ledger: {commitInterval: 150ms}
base: {mergeInterval: 1s, buckets: 2}
`;
  writeFileSync(place.path('firn.yaml'), text);
}

/** Rows that the program answers, all values as text. */
export async function queryLake(place: Workplace, sql: string): Promise<readonly Row[]> {
  const { code, out, err } = await place.run('query', 'firn.yaml', sql, '--json');
  equal(code, 0, err);
  return (JSON.parse(out) as { readonly rows: readonly Row[] }).rows;
}

/** The keys of the writer's tables. */
export const WRITER_KEYS = { items: ['id'], pairs: ['a', 'b'], events: ['id'] } as const;

/**
 * The writer is still: reads the rest, then every base equals its table by the program's own
 * comparison and by counts and sums, and no change is in a ledger twice.
 */
export async function expectEqual(
  place: Workplace,
  server: LiveServer,
  database: LiveDatabase,
): Promise<void> {
  const caught = await place.run('run', 'firn.yaml', '--once');
  equal(caught.code, 0, caught.out + caught.err);
  const proof = await place.run('verify', 'firn.yaml', '--json');
  equal(proof.code, 0, proof.out + proof.err);
  for (const [table, keys] of Object.entries(WRITER_KEYS)) {
    const identity = ['_firn_epoch', '_firn_seq', '_firn_row', ...keys].join(', ');
    const twice = await queryLake(
      place,
      `SELECT ${identity} FROM ${table}_ledger WHERE _firn_row < 2147483647
        GROUP BY ALL HAVING count(*) > 1 LIMIT 5`,
    );
    deepEqual(twice, [], `changes of ${table} that are in its ledger twice`);
    // The program's verify is not its own only witness.
    const columns = table === 'items' ? 'count(*) AS c, sum(n) AS s' : 'count(*) AS c';
    const [there] = await queryLake(place, `SELECT ${columns} FROM ${table}`);
    const [here] = await server.query(`SELECT ${columns} FROM ${database.name}.${table}`);
    deepEqual(Object.values(there ?? {}).map(String), Object.values(here ?? {}).map(String), table);
  }
}
