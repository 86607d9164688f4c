/**
 * A SQLite database through both engines: Firn itself reads it into Kafka, is killed on the way,
 * and goes on. Both engines read one journal, from which a trigger of the test keeps them from
 * removing rows; so identities and payloads must be the same in both ledgers, and every value in
 * both bases.
 */
import { equal, ok } from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFlinkJobs } from '../../src/engines/cluster/flink-jobs.ts';
import { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { Workplace } from '../cli/firn-process.ts';
import { ServedLakePlace } from '../support/served-lake.ts';
import { compareLakes } from './support/compare-lakes.ts';

const {
  FIRN_KAFKA_BOOTSTRAP: kafka = '',
  FIRN_FLINK_GATEWAY_URL: gateway = '',
  FIRN_FLINK_JOBS_URL: jobs = '',
  FIRN_SPARK_ADDRESS: spark = '',
  FIRN_REQUIRE = '',
} = process.env;

const skip =
  FIRN_REQUIRE.split(',').includes('cluster') ||
  [kafka, gateway, jobs, spark].every((address) => address !== '')
    ? false
    : 'FIRN_KAFKA_BOOTSTRAP, FIRN_FLINK_GATEWAY_URL, FIRN_FLINK_JOBS_URL or FIRN_SPARK_ADDRESS names no service';

const BEFORE = `
PRAGMA journal_mode = WAL;
CREATE TABLE kinds (id INTEGER PRIMARY KEY, n BIGINT, r REAL, s TEXT, b BLOB, x, d DECIMAL(10,2));
CREATE TABLE pairs (a TEXT NOT NULL, b INTEGER NOT NULL, v TEXT UNIQUE, PRIMARY KEY (a, b));
CREATE TABLE loose (v TEXT);
CREATE TABLE asked (id INTEGER);
INSERT INTO kinds VALUES (1, 9223372036854775807, 0.1, 'é', x'00ff', 1.0, 2);
INSERT INTO pairs VALUES ('a', 1, 'one'), ('a', 2, 'two');
INSERT INTO loose VALUES ('was there');`;

/** Both engines read the same rows of the journal, whichever comes first. */
const KEEP = `
CREATE TRIGGER keep BEFORE DELETE ON _firn_log BEGIN
  INSERT INTO asked VALUES (OLD.id); SELECT RAISE(IGNORE);
END;`;

const VALUES = `
INSERT INTO kinds VALUES
  (2, -9223372036854775808, 1e308, 'nul' || char(0) || char(10) || '\\"', x'', 'text', 1.5),
  (3, 9007199254740993, 9e999, '', zeroblob(300), x'ab', '1.0'),
  (4, 0, -9e999, 'snow \u2744 \u{1F9CA}', x'ff', NULL, NULL),
  (5, NULL, 5e-324, NULL, NULL, '1', 9007199254740993),
  (6, 1, 0.30000000000000004, replace(hex(zeroblob(150000)), '0', 'é'), NULL, 1, 1e21);
INSERT INTO loose VALUES ('new'), (NULL), ('new');
UPDATE kinds SET r = 1.5, s = 'changed' WHERE id = 1;
UPDATE kinds SET id = 10 WHERE id = 2;
DELETE FROM kinds WHERE id = 4;
UPDATE pairs SET a = 'c' WHERE b = 1;`;

const MANY = `
WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)
INSERT INTO kinds (id, n, s) SELECT i, i * 1000000007, 'row ' || i FROM n;
UPDATE kinds SET n = -n WHERE id >= 1000 AND id % 2 = 0;`;

const LATER = `
ALTER TABLE kinds ADD COLUMN more TEXT;
UPDATE kinds SET more = 'm' || id WHERE id < 10;
REPLACE INTO kinds (id, s, more) VALUES (3, 'again', NULL), (11, 'eleven', '');
DELETE FROM pairs;
INSERT INTO pairs VALUES ('a', 1, 'one'), ('a', 2, 'two'), ('z', 9007199254740993, NULL);
INSERT OR REPLACE INTO pairs VALUES ('d', 9, 'two');
DELETE FROM kinds WHERE id >= 1500;
DELETE FROM loose WHERE v = 'new';`;

/** Folders, pipeline files and the database of a test; gone with everything in the cluster. */
async function openPlace(t: TestContext) {
  const name = `own_${Date.now().toString(36)}`;
  const places = { embedded: new Workplace(), cluster: new Workplace() };
  const lake = join(places.cluster.folder, 'lake');
  mkdirSync(lake, { recursive: true });
  const served = await ServedLakePlace.open({ folder: lake, warehouse: lake });
  const path = places.embedded.path('app.db');
  const database = new DatabaseSync(path);
  const [clock, random] = [systemClock, systemRandom];
  const admin = new KafkaAdmin({ address: { bootstrapServers: kafka }, clock, random });
  const topics = ['kinds', 'pairs', 'loose'].map((table) => `firn.${name}.1.${name}.${table}`);
  t.after(async () => {
    const flink = createFlinkJobs({ url: jobs, clock, random });
    for (const job of await flink.jobs()) {
      if (job.name.startsWith(`firn.${name}.`)) await flink.cancel(job.id, 60_000);
    }
    flink.close();
    await admin.remove([...topics, `firn.${name}.1.places`]);
    await admin.close();
    database.close();
    await served.close();
    for (const place of Object.values(places)) place[Symbol.dispose]();
  });
  for (const engine of ['embedded', 'cluster'] as const) {
    const document = {
      name,
      source: { type: 'sqlite', path, pollInterval: '50ms' },
      tables: ['kinds', 'pairs', 'loose'],
      lake: { warehouse: './lake' },
      ledger: { commitInterval: '1s' },
      base: { mergeInterval: '1h', buckets: 2 },
      engine,
      cluster: {
        kafka: { bootstrapServers: kafka, partitions: 2, replicas: 1 },
        flink: { gateway, jobManager: jobs },
        spark: { address: spark, tls: 'off' },
        catalogUri: served.url,
      },
    };
    writeFileSync(places[engine].path('firn.yaml'), JSON.stringify(document));
  }
  const catchUp = async (engine: keyof typeof places): Promise<void> => {
    const { code, out, err } = await places[engine].run('run', 'firn.yaml', '--once');
    equal(code, 0, `${engine}: ${out}${err}`);
  };
  const written = async (topic: string): Promise<bigint> => {
    const { latest } = await admin.offsets(topic);
    return latest.reduce((sum, next) => sum + next, 0n);
  };
  return { name, places, database, topics, catchUp, written };
}

test(
  'spec: E27 — a SQLite database: both engines make equal tables, though Firn is killed',
  { skip },
  async (t) => {
    const { name, places, database, topics, catchUp, written } = await openPlace(t);
    const [kinds = ''] = topics;
    database.exec(BEFORE);
    await catchUp('embedded');
    database.exec(KEEP);
    const first = places.cluster.start('run', 'firn.yaml');
    await first.saw('kinds: existing rows copied');
    database.exec(VALUES);
    while ((await written(kinds)) < 8n) await sleep(20);
    database.exec(MANY);
    while ((await written(kinds)) < 500n) await sleep(5);
    first.child.kill('SIGKILL');
    await first.ended;
    const atKill = await written(kinds);
    database.exec(LATER);
    await catchUp('embedded');
    database.exec('DELETE FROM asked');
    await catchUp('cluster');
    // Forgotten is what every ledger on main has, and the row at its place is kept.
    const forgotten = database.prepare('SELECT max(id) AS id FROM asked').get()?.['id'];
    const last = database.prepare('SELECT max(id) AS id FROM _firn_log').get()?.['id'];
    ok(typeof forgotten === 'number' && forgotten > 0 && forgotten < Number(last));
    const lakeOf = (engine: keyof typeof places): string => join(places[engine].folder, 'lake');
    const lakes = { embedded: lakeOf('embedded'), cluster: lakeOf('cluster') };
    const found = compareLakes(lakes, {
      namespace: name,
      tables: ['kinds', 'pairs'],
      keyless: ['loose'],
    });
    t.diagnostic(JSON.stringify({ ...found, atKill: `${atKill}` }));
    ok(found.rows > 500 && found.ledgerRows > 4000);
  },
);
