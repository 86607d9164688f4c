/** A recorded log, streamed over connections that are cut: what must come out all the same. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { ChangeBatch } from '../../src/model/change-batch.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import { formatTableName } from '../../src/model/table-schema.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import { parsePlace } from '../../src/sources/mysql/log/log-place.ts';
import { streamLog } from '../../src/sources/mysql/log/log-stream.ts';
import { rowLines } from './binlog-packets.ts';
import { startReplay } from './replay-server.ts';
import type { Recording, ReplayServer } from './replay-server.ts';

/** Recordings with rows, and everything that stands between them. */
export const RECORDINGS = [
  'mysql-changes',
  'mysql-compressed',
  'mysql-images',
  'mysql-tagged',
  'mariadb-changes',
  'mariadb-compressed',
  'mariadb-images',
] as const;

/** Connection that follows the log; the one before asks for its end, the one behind for a proof. */
const FOLLOWING = 1;

const LONG_RECORDING = 1000;

/** Pauses a small part as long. */
const HURRIED: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms / 400, signal),
};

/** What a stream gave out. */
export interface Outcome {
  /** Changes by table, in order of delivery; tables keep no order among each other. */
  readonly changes: ReadonlyMap<string, readonly string[]>;
  /** Halts without repetition. */
  readonly halts: readonly string[];
  readonly positions: readonly SourcePosition[];
}

/** Streams a recording from a position to its end; `heard` gets what is told up to an error. */
export async function streamRecording(
  server: ReplayServer,
  recording: Recording,
  from: SourcePosition,
  heard: (outcome: Outcome) => void = () => undefined,
): Promise<Outcome> {
  const changes = new Map(recording.tables.map(({ table }) => [table.table, [] as string[]]));
  const halts = new Set<string>();
  const positions: SourcePosition[] = [];
  // Its lists grow while the stream goes on.
  heard({ changes, halts: [], positions });
  const events = streamLog(
    {
      connect: () => openConnection(server.address, HURRIED),
      clock: HURRIED,
      random: systemRandom,
      rules: [{ pattern: '*', exclude: [], rename: {}, columns: {}, onDrop: 'halt' }],
      sourceId: from.sourceId,
      discoverTable: async () => null,
      serverId: async () => 99,
      replicaUuid: 'replay',
      heartbeatMs: 60_000,
      onSwap: 'halt',
    },
    {
      tables: recording.tables,
      from,
      epoch: 1,
      resolveSchema: async () => {
        throw new Error('no schema changes in a recording');
      },
      beforeImages: false,
      signal: new AbortController().signal,
      once: true,
    },
  );
  for await (const event of events) {
    if (event.kind === 'changes') {
      changes.get(event.batch.schema.table.table)?.push(...linesOf(event.batch, recording));
    } else if (event.kind === 'table-halted') {
      halts.add(`${formatTableName(event.table)} ${event.error.message}`);
    } else if ('position' in event) {
      positions.push(event.position);
      const place = parsePlace(event.position.token, recording.flavour);
      ok(place !== null && recording.borders.has(place.offset), `a border: ${place?.offset}`);
    }
  }
  return { changes, halts: [...halts], positions };
}

/** Rows of a batch, of a long recording only what tells them apart. */
function linesOf(batch: ChangeBatch, { events }: Recording): readonly string[] {
  if (events.length < LONG_RECORDING) return rowLines(batch);
  return Array.from(batch.seq, (seq, index) => `${seq}/${batch.row[index]}/${batch.op[index]}`);
}

function expectSame(actual: Outcome['changes'], wanted: Outcome['changes'], where: string): void {
  for (const [table, lines] of wanted) {
    const own = actual.get(table) ?? [];
    const first = lines.findIndex((line, index) => line !== own[index]);
    // A whole list of thousands would be shown for minutes.
    if (first >= 0) equal(own[first], lines[first], `${where}: change ${first} of ${table}`);
    equal(own.length, lines.length, `${where}: changes of ${table}`);
  }
}

/** Where connections are cut: at every so manieth byte, or around the ends of so many events. */
export type Cuts =
  | { readonly kind: 'bytes'; readonly stride: number }
  | { readonly kind: 'events'; readonly stride: number };

/**
 * Streams a recording once as a whole, then with one connection cut at one byte, all over the
 * connections that a stream makes; then from every position that was told. Gives how many streams
 * that were.
 */
export async function streamWithCuts(
  t: TestContext,
  recording: Recording,
  cuts: Cuts,
): Promise<number> {
  const server = await startReplay(t, recording);
  const whole = await streamRecording(server, recording, recording.start);
  ok(
    [...whole.changes.values()].some((lines) => lines.length > 0),
    'rows',
  );
  const last = whole.positions.at(-1);
  const places = [...placesOf(server, cuts)];
  for (const [connection, at] of places) {
    server.plan((index) => (index === connection ? at : Infinity));
    const cut = await streamRecording(server, recording, recording.start);
    const where = `connection ${connection} cut after ${at} bytes`;
    expectSame(cut.changes, whole.changes, where);
    deepEqual(cut.halts, whole.halts, where);
    deepEqual(cut.positions.at(-1), last, where);
  }
  server.plan(() => Infinity);
  for (const position of whole.positions) {
    const rest = await streamRecording(server, recording, position);
    const ends = [...whole.changes].map(([table, lines]) => {
      const count = rest.changes.get(table)?.length ?? 0;
      return [table, lines.slice(lines.length - count)] as const;
    });
    expectSame(rest.changes, new Map(ends), 'from a position that was told');
  }
  return 1 + places.length + whole.positions.length;
}

/** Connections by their number, and bytes after which they are cut. */
function* placesOf(server: ReplayServer, { kind, stride }: Cuts): Generator<[number, number]> {
  if (kind === 'events') {
    for (let event = 0; event < server.eventEnds.length; event += stride) {
      const end = server.eventEnds[event] ?? 0;
      yield [FOLLOWING, end];
      yield [FOLLOWING, end + 9];
    }
    return;
  }
  const sizes = [...server.sent];
  // The first connection only asks where the log ends; without an answer there is no stream.
  for (let connection = FOLLOWING; connection < sizes.length; connection++) {
    for (let at = 1; at <= (sizes[connection] ?? 0); at += stride) yield [connection, at];
  }
}
