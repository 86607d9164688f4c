/**
 * Which records of a topic the rows of data files are, as runs of offsets: what the publisher needs
 * to know of them. The rows stay with the engine.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { present } from '../kernel/assert.ts';
import type { QuerySession, RowEngine } from '../ports/row-engine.ts';
import type { OffsetRun } from './publish-plan.ts';

/** Files of one table. */
export interface RowFiles {
  readonly icebergSchema: IcebergSchema;
  readonly files: readonly ScanFile[];
}

/** What rows of a ledger say of themselves. */
export interface LedgerRows {
  /** Rows without a place in a topic are a run of the topic ''. */
  readonly runs: readonly OffsetRun[];
  readonly count: bigint;
  /** Lowest and highest epoch. */
  readonly epochs: readonly [bigint, bigint];
  /** Highest sequence of the highest epoch. */
  readonly seq: bigint;
  /** Oldest and newest schema version. */
  readonly schemaVersions: readonly [bigint, bigint];
  /** Latest commit at the source, microseconds. */
  readonly commitTsUs: bigint;
}

/** Rows of files of a ledger, of which there is at least one. */
export function readLedgerRows(engine: RowEngine, files: RowFiles): Promise<LedgerRows> {
  return withRows(engine, files, async (session) => {
    const [row] = await answer(
      session,
      `SELECT count(*), min(_firn_epoch), max(_firn_epoch), max(_firn_seq), min(_firn_schema),
        max(_firn_schema), epoch_us(max(_firn_commit_ts)) FROM branch.rows`,
    );
    const [count, lowest, highest, seq, oldest, newest, commitTsUs] = present(row, 'an answer');
    const number = (text: string | null | undefined): bigint => BigInt(text ?? '0');
    return {
      runs: await readRuns(session, ['_firn_topic', '_firn_partition', '_firn_offset']),
      count: number(count),
      epochs: [number(lowest), number(highest)],
      seq: number(seq),
      schemaVersions: [number(oldest), number(newest)],
      commitTsUs: number(commitTsUs),
    };
  });
}

/**
 * Runs of dead letters of a topic at or above `next`, by partition; each record counts once,
 * however often it was set aside.
 */
export function readDeadLetterRuns(
  engine: RowEngine,
  files: RowFiles,
  wanted: { readonly topic: string; readonly next: readonly bigint[] },
): Promise<readonly OffsetRun[]> {
  if (files.files.length === 0) return Promise.resolve([]);
  return withRows(engine, files, async (session) => {
    const runs = await readRuns(session, ['topic', 'partition', 'offset'], wanted);
    return runs.map((run) => ({ ...run, rows: run.last - run.first + 1n }));
  });
}

async function withRows<T>(
  engine: RowEngine,
  { icebergSchema, files }: RowFiles,
  read: (session: QuerySession) => Promise<T>,
): Promise<T> {
  const table = { namespace: 'branch', name: 'rows', icebergSchema, files };
  const session = await engine.openQuery({ tables: [table], live: [] });
  try {
    return await read(session);
  } finally {
    await session.close();
  }
}

type Row = readonly (string | null)[];

async function answer(session: QuerySession, sql: string): Promise<readonly Row[]> {
  const { rows } = await session.run(sql);
  const all: Row[] = [];
  for await (const some of rows) all.push(...some);
  return all;
}

/** Offsets that follow one another differ from their rank by the same number. */
async function readRuns(
  session: QuerySession,
  [topic, partition, offset]: readonly [string, string, string],
  wanted: { readonly topic: string; readonly next: readonly bigint[] } | null = null,
): Promise<readonly OffsetRun[]> {
  const rows = await answer(
    session,
    `WITH places AS (
      SELECT coalesce("${topic}", '') AS t, coalesce("${partition}", -1) AS p,
        coalesce("${offset}", -1) AS o
      FROM branch.rows${wanted === null ? '' : ` WHERE ${atOrAbove(offset, partition, wanted.next)}`}
    ), ranked AS (
      SELECT t, p, o, o - dense_rank() OVER (PARTITION BY t, p ORDER BY o) AS run FROM places
    )
    SELECT t, p, min(o), max(o), count(*) FROM ranked GROUP BY t, p, run ORDER BY 1, 2, 3`,
  );
  const runs = rows.map(([name, number, first, last, count]): OffsetRun => {
    return {
      topic: name ?? '',
      partition: Number.parseInt(number ?? '', 10),
      first: BigInt(first ?? '-1'),
      last: BigInt(last ?? '-1'),
      rows: BigInt(count ?? '0'),
    };
  });
  return wanted === null ? runs : runs.filter((run) => run.topic === wanted.topic);
}

function atOrAbove(offset: string, partition: string, next: readonly bigint[]): string {
  const parts = next.map((at, number) => `("${partition}" = ${number} AND "${offset}" >= ${at})`);
  return parts.length === 0 ? 'false' : parts.join(' OR ');
}
