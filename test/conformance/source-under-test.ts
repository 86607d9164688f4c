/** What a source's own test provides so that the conformance suite can drive any database. */
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource, SourceMark, StreamRequest } from '../../src/ports/source.ts';
import type { Row, TestRegistry } from '../support/source-events.ts';

/** Kind of a column, in words every database has. */
export type CellKind = 'long' | 'double' | 'string' | 'binary';

/** A table to create. Columns of the key are NOT NULL, the others may be NULL. */
export interface TableSpec {
  readonly name: string;
  readonly columns: Readonly<Record<string, CellKind>>;
  readonly key: readonly string[];
}

/** One statement. Binary cells are text `0x…`. */
export type WriteStep =
  | { readonly op: 'insert'; readonly table: string; readonly row: Row }
  | { readonly op: 'update'; readonly table: string; readonly key: Row; readonly set: Row }
  | { readonly op: 'delete'; readonly table: string; readonly key: Row };

/** A database with a source over it. Every writing method is one committed transaction. */
export interface SourceUnderTest {
  readonly source: ChangeSource;
  readonly registry: TestRegistry;
  /** Closes the source and opens it again, as a restart does. */
  reopen(): Promise<ChangeSource>;
  createTable(spec: TableSpec): Promise<void>;
  write(steps: readonly WriteStep[]): Promise<void>;
  addColumn(table: string, name: string, kind: CellKind): Promise<void>;
  dropTable(table: string): Promise<void>;
  /**
   * Another process that counts `v` of rows 1..`rows` of `table(id long key, v long)` up, one row a
   * transaction, until it is stopped.
   */
  startWriter(table: string, rows: number): Promise<{ stop(): Promise<void> }>;
  /** Remembers the database as it is now, as a backup does. */
  backUp(): Promise<void>;
  /** Puts the remembered database back. */
  restore(): Promise<void>;
  /** A log that others keep: removes what is read and acknowledged, as their retention does. */
  dropLog?(): Promise<void>;
  /** Names of everything in the database that a user did not make. */
  traces(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Makes an empty database. */
export type MakeSourceUnderTest = () => Promise<SourceUnderTest>;

/** Two columns, a key of one: what most tests need. */
export const ITEMS: TableSpec = {
  name: 'items',
  columns: { id: 'long', v: 'long', note: 'string' },
  key: ['id'],
};

/** A row of {@link ITEMS}. */
export function item(id: number, v: number, note: string | null = null): WriteStep {
  return { op: 'insert', table: 'items', row: { id: BigInt(id), v: BigInt(v), note } };
}

/** A prepared source with the mark behind preparation. */
export interface Prepared {
  readonly world: SourceUnderTest;
  readonly tables: readonly TableSchema[];
  readonly mark: SourceMark;
}

/** Creates tables, prepares them, runs a test, and closes. */
export async function withPrepared(
  make: MakeSourceUnderTest,
  specs: readonly TableSpec[],
  run: (prepared: Prepared) => Promise<void>,
): Promise<void> {
  const world = await make();
  try {
    for (const spec of specs) await world.createTable(spec);
    const tables = await world.registry.discover(world.source);
    await world.source.prepare(tables);
    await run({ world, tables, mark: await world.source.lowMark(1) });
  } finally {
    await world.close();
  }
}

/** A request for what is there after `from`. */
export function requestFrom(
  prepared: Prepared,
  from: SourcePosition | null,
  more: Partial<StreamRequest> = {},
): StreamRequest {
  return {
    tables: prepared.tables,
    from,
    epoch: 1,
    resolveSchema: prepared.world.registry.resolve,
    beforeImages: false,
    signal: new AbortController().signal,
    once: true,
    ...more,
  };
}

/** All events that are there after `from`. */
export async function readFrom(
  prepared: Prepared,
  from: SourcePosition | null,
  more: Partial<StreamRequest> = {},
): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  const stream = prepared.world.source.stream(requestFrom(prepared, from, more));
  for await (const event of stream) events.push(event);
  return events;
}

/** The place of the last border of a list of events. */
export function lastBorder(events: readonly SourceEvent[]): SourceMark {
  for (const event of events.toReversed()) {
    if (event.kind === 'transaction-end' || event.kind === 'heartbeat') return event;
  }
  throw new Error('no border was delivered');
}
