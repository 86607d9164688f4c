/** A pipeline over Debezium's topics: ledger and base, through kills and repeats. */
import { equal, match } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { Workplace } from '../cli/firn-process.ts';
import { SKIP_WITHOUT_DEBEZIUM, openDebeziumWorld } from './debezium-world.ts';
import type { DebeziumWorld } from './debezium-world.ts';

const skip = SKIP_WITHOUT_DEBEZIUM;

const { FIRN_KAFKA_BOOTSTRAP = '', FIRN_CONNECT_URL = '' } = process.env;

/** Statements that touch a few keys again and again. */
function* writes(from: number, count: number): Generator<string> {
  for (let index = from; index < from + count; index++) {
    const id = index % 97;
    if (index % 7 === 3) yield `DELETE FROM items WHERE id = ${id}`;
    else yield `REPLACE INTO items VALUES (${id}, ${index}, '{"n": [${index}, 1.50, "é"]}')`;
  }
}

/** A pipeline file over the topics of these tables. */
function pipelineFile(place: Workplace, world: DebeziumWorld, ...tables: string[]): string {
  const { hostname, port, username } = world.server;
  const file = place.path('firn.yaml');
  writeFileSync(
    file,
    `name: topics
source:
  type: debezium
  kafka: {bootstrapServers: "${FIRN_KAFKA_BOOTSTRAP}", tls: off}
  connect: {url: "${FIRN_CONNECT_URL}", connector: ${world.connector}}
  database: {host: ${hostname}, port: ${port}, user: ${username}, tls: off}
tables: [${tables.map((table) => `${world.name}.${table}`).join(', ')}]
lake: {warehouse: ./lake}
ledger: {commitInterval: 500ms}
base: {mergeInterval: 1s}
`,
  );
  return file;
}

async function survivesKill(t: TestContext, flavour: ServerFlavour): Promise<void> {
  const world = await openDebeziumWorld(t, {
    flavour,
    tables: ['CREATE TABLE items (id BIGINT PRIMARY KEY, v BIGINT, note JSON)', ...writes(0, 50)],
    topics: ['items'],
  });
  using place = new Workplace();
  const file = pipelineFile(place, world, 'items');
  const check = await place.run('check', file);
  equal(check.code, 0, check.out + check.err);
  const first = await place.run('run', file, '--once');
  equal(first.code, 0, first.out + first.err);

  await world.run(...writes(50, 200));
  const killed = place.start('run', file);
  await killed.saw('ledger: ');
  await world.run(...writes(250, 200));
  killed.child.kill('SIGKILL');
  await killed.ended;
  await world.run(...writes(450, 100));
  const last = await place.run('run', file, '--once');
  equal(last.code, 0, last.out + last.err);

  const proof = await place.run('verify', file);
  match(proof.out, /equal: the lake holds what the source holds/);
  const ledger = `${world.name}.items_ledger`;
  const identities = 'count(DISTINCT (_firn_epoch, _firn_seq, _firn_row))';
  const query = `SELECT count(*) - ${identities} AS twice FROM ${ledger}`;
  const twice = await place.run('query', file, query, '--json');
  match(twice.out, /"twice":\s*"?0\b/);
}

// Side by side: most of it is waiting.
suite('kills', { concurrency: SERVER_FLAVOURS.length }, () => {
  for (const flavour of SERVER_FLAVOURS) {
    test(`${flavour}: a killed pipeline goes on, and base equals source`, { skip }, (t) => {
      return survivesKill(t, flavour);
    });
  }
});

test(
  'a table whose records expired is loaded again beside a quiet one (spec: D2, D8)',
  { skip, timeout: 120_000 },
  async (t) => {
    const world = await openDebeziumWorld(t, {
      tables: ['items', 'quiet'].map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT)`),
      topics: ['items', 'quiet'],
    });
    using place = new Workplace();
    const file = pipelineFile(place, world, '*');
    await world.run('INSERT INTO items VALUES (1, 1)', 'INSERT INTO quiet VALUES (1, 1)');
    const first = await place.run('run', file, '--once');
    equal(first.code, 0, first.out + first.err);
    await world.run('UPDATE items SET v = 2', 'INSERT INTO items VALUES (2, 2)');
    const name = world.topicOf('items');
    for (let end = 0n; end < 3n;) {
      await systemClock.sleep(100);
      end = (await world.admin.offsets(name)).latest[0] ?? 0n;
    }
    await world.expire(name);
    // The place of the quiet table remembers where the other one's records began.
    const second = await place.run('run', file, '--once');
    equal(second.code, 0, second.out + second.err);
    match(second.out + second.err, /KAFKA-OFFSETS-GONE/);
    await world.run('UPDATE items SET v = 3', 'INSERT INTO quiet VALUES (2, 2)');
    const third = await place.run('run', file, '--once');
    equal(third.code, 0, third.out + third.err);
    const proof = await place.run('verify', file);
    match(proof.out, /equal: the lake holds what the source holds/);
    // A table that envelopes cannot carry is refused by name, never left out in silence.
    await world.run('CREATE TABLE odd (id INT PRIMARY KEY, at POINT)');
    const fourth = await place.run('run', file, '--once');
    equal(fourth.code, 3, fourth.out + fourth.err);
    match(fourth.out + fourth.err, /odd[^]*SOURCE-TABLE-UNSUPPORTED/);
  },
);
