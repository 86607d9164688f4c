/**
 * Sizes at which counting goes wrong: events around the packet's own bound and of several packets,
 * and, by `FIRN_LARGE=1` (12 GB of disk and some minutes a server), a transaction and a file of
 * more than 4 GiB.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { present } from '../../src/kernel/assert.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { TestRegistry } from '../support/source-events.ts';
import { skipWithout, startPrivateServer } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { openTestSource } from './support/mysql-world.ts';

const PACKET_BYTES_MAX = 0xff_ff_ff;
const GIB = 2 ** 30;

/** A row as it came: where in the log, its key, the length of its value. */
interface SeenRow {
  readonly seq: bigint;
  readonly id: number;
  readonly length: number;
}

interface Heard {
  readonly rows: readonly SeenRow[];
  /** Ends of transactions, in order. */
  readonly ends: readonly SourcePosition[];
  /** The place that the log was read to. */
  readonly last: SourcePosition;
  /** Most bytes of values in one batch. */
  readonly batchBytesMax: number;
}

async function follow(
  source: ChangeSource,
  schema: TableSchema,
  from: SourcePosition,
): Promise<Heard> {
  const rows: SeenRow[] = [];
  const ends = [from];
  let batchBytesMax = 0;
  let last = from;
  const { signal } = new AbortController();
  const request = { tables: [schema], from, epoch: 1, beforeImages: false, once: true, signal };
  for await (const event of source.stream({
    ...request,
    resolveSchema: new TestRegistry().resolve,
  })) {
    if (event.kind === 'transaction-end') ends.push(event.position);
    if (event.kind === 'transaction-end' || event.kind === 'heartbeat') last = event.position;
    if (event.kind !== 'changes') continue;
    const [ids, values] = event.batch.columns;
    ok(ids?.kind === 'int32' && values?.kind === 'bytes');
    batchBytesMax = Math.max(batchBytesMax, values.data.length);
    for (const [index, id] of ids.values.entries()) {
      const length = (values.offsets[index + 1] ?? 0) - (values.offsets[index] ?? 0);
      rows.push({ seq: event.batch.seq[index] ?? 0n, id, length });
    }
  }
  return { rows, ends, last, batchBytesMax };
}

async function makeTable(
  server: PrivateServer,
): Promise<{ readonly source: ChangeSource; readonly schema: TableSchema }> {
  await server.run(
    'CREATE DATABASE large',
    'CREATE TABLE large.t (id INT PRIMARY KEY, v LONGBLOB)',
  );
  const source = openTestSource({ port: server.port, database: 'large' });
  const [schema] = await new TestRegistry().discover(source);
  return { source, schema: present(schema, 'the table') };
}

async function insert(server: PrivateServer, id: number, length: number): Promise<void> {
  await server.run(`INSERT INTO large.t VALUES (${id}, REPEAT('x', ${length}))`);
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: events of several packets, and of exactly full ones`, { skip }, async (t) => {
    const options = ['max_allowed_packet=64M', 'innodb_log_file_size=512M'];
    const own = flavour === 'mysql' ? ['innodb_redo_log_capacity=1G'] : options.slice(1);
    const server = await startPrivateServer(t, flavour, [options[0] ?? '', ...own]);
    const { source, schema } = await makeTable(server);
    const { position: from } = await source.lowMark(1);
    await insert(server, 0, 1000);
    const first = await follow(source, schema, from);
    const [row] = first.rows;
    // The event of a row: everything around its value has the same length.
    const events = await server.query('SHOW BINLOG EVENTS');
    const event = events.find(({ Pos }) => BigInt(String(Pos)) === offsetOf(row));
    const around = Number(event?.['End_log_pos']) - Number(event?.['Pos']) - 1000;
    // The byte before an event counts as well.
    const full = PACKET_BYTES_MAX - 1 - around;
    const lengths = [full - 1, full, full + 1, full + PACKET_BYTES_MAX, 40_000_000];
    for (const [index, length] of lengths.entries()) await insert(server, index + 1, length);
    const { rows } = await follow(source, schema, present(first.ends.at(-1), 'an end'));
    deepEqual(
      rows.map(({ id, length }) => [id, length]),
      lengths.map((length, index) => [index + 1, length]),
    );
  });

  // A campaign by command; the lane, which may skip nothing, does not know it.
  if (process.env['FIRN_LARGE'] !== '1') continue;
  test(`${flavour}: a transaction and a file of more than 4 GiB`, { skip }, async (t) => {
    const server = await startPrivateServer(t, flavour, ['max_binlog_size=1G']);
    const { source, schema } = await makeTable(server);
    const { position: from } = await source.lowMark(1);
    // MySQL keeps the rows in its log alone; MariaDB has no such engine.
    const engine = flavour === 'mysql' ? 'BLACKHOLE' : 'MyISAM';
    await server.run(`ALTER TABLE large.t ENGINE = ${engine}`, 'CREATE TABLE large.n (n INT)');
    const count = 1100;
    const numbers = Array.from({ length: count }, (_, index) => `(${index})`).join();
    await server.run(`INSERT INTO large.n VALUES ${numbers}`);
    const clock = (): number => performance.now() / 1000;
    const written = clock();
    await server.run("INSERT INTO large.t SELECT n, REPEAT('x', 4194304) FROM large.n ORDER BY n");
    const read = clock();
    const { rows, ends, last: place, batchBytesMax } = await follow(source, schema, from);
    const again = clock();
    await server.run("INSERT INTO large.t VALUES (5000, 'behind'), (5001, 'behind')");
    // The server begins another file behind such a transaction, and there reading goes on.
    ok(offsetIn(place) < GIB, place.token);
    const next = await follow(source, schema, place);
    deepEqual(
      next.rows.map(({ id }) => id),
      [5000, 5001],
    );
    const nextS = clock() - again;
    ok(nextS < 5, `${nextS} s`);
    deepEqual(
      rows.map(({ id }) => id),
      Array.from({ length: count }, (_, id) => id),
    );
    ok(rows.every(({ seq }, index) => index === 0 || seq >= (rows[index - 1]?.seq ?? 0n)));
    const last = offsetOf(rows[count - 1]);
    ok(last > 4 * GIB, 'a row behind 4 GiB of one file');
    ok(batchBytesMax < 64 * 2 ** 20, `${batchBytesMax} bytes in one batch`);
    // A dump cannot start there: the file is read from its start.
    const far = ends.find((end) => offsetIn(end) > 4 * GIB);
    const resumed = clock();
    const behind = await follow(source, schema, present(far, 'an end behind 4 GiB'));
    deepEqual(
      behind.rows.map(({ id }) => id),
      [5000, 5001],
    );
    equal((await source.verifyPosition(present(far, 'it'))).kind, 'valid');
    const figures = [read - written, again - read, clock() - resumed].map((s) => s.toFixed(1));
    t.diagnostic(
      `${(Number(last) / GIB).toFixed(2)} GiB: written in ${figures[0]} s, read in ${figures[1]} s, resumed behind it in ${figures[2]} s, at most ${batchBytesMax} bytes in a batch`,
    );
  });
}

/** Offset of a position in its file. */
function offsetIn({ token }: SourcePosition): number {
  return Number(/:(\d+)/.exec(token)?.[1]);
}

/** Offset of a row's event in its file. */
function offsetOf(row: SeenRow | undefined): bigint {
  return (row?.seq ?? 0n) & 0xff_ffff_ffffn;
}
