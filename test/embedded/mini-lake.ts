/**
 * A ledger and a base without a catalog: lists of live files with their sequence numbers, changed
 * as commits would change them. For tests of the embedded engine's merges.
 */
import type { TestContext } from 'node:test';
import { HeldBytes, createLedgerWriter } from '../../src/engines/embedded/ledger-writer.ts';
import { openMergeSession } from '../../src/engines/embedded/merge-session.ts';
import type { IcebergSchema } from '../../src/iceberg/iceberg-schema.ts';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import type { ScanFile } from '../../src/iceberg/scan-file.ts';
import type { SequenceMark } from '../../src/model/change-sequence.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type {
  Bucketing,
  MergeFiles,
  MergeWindowSummary,
  WriteTarget,
} from '../../src/ports/row-engine.ts';
import { baseSchema } from '../../src/schema/base-table.ts';
import { ledgerSchema } from '../../src/schema/ledger-table.ts';
import { openParts } from './engine.ts';
import type { EngineParts } from './engine.ts';
import { changeBatch } from './rows.ts';
import type { Change } from './rows.ts';

/** One merge to run. */
export interface MergeCall {
  readonly from: SequenceMark | null;
  readonly to: SequenceMark;
  /** Window: ledger files above this data sequence number; the others are `older`. */
  readonly seen: bigint;
  readonly rereadsAfter?: bigint;
  /** Rewrites a file when at least this share of it is deleted; default: never. */
  readonly rewriteShare?: number;
  /** Bytes of files whose rows are sorted at a time; default: those of all. */
  readonly sortBytesMax?: number;
}

/** What a merge did. */
export interface MergeReport {
  readonly summary: MergeWindowSummary;
  readonly files: MergeFiles;
}

/** A ledger and a base. */
export interface MiniLake {
  readonly parts: EngineParts;
  readonly target: WriteTarget;
  readonly bucketing: Bucketing;
  readonly ledgerSchema: IcebergSchema;
  ledger: ScanFile[];
  base: ScanFile[];
  /** Appends changes as one commit; gives its data sequence number. */
  append(changes: readonly Change[], schema?: TableSchema): Promise<bigint>;
  merge(call: MergeCall): Promise<MergeReport>;
  /** Adds files to the base as one commit. */
  addBase(files: readonly DataFile[]): void;
  /** Live base rows as JSON values in column order, sorted; read without the engine's own SQL. */
  rows(): Promise<readonly string[]>;
}

/** Opens an empty lake of one table. */
export async function openLake(
  context: TestContext,
  schema: TableSchema,
  options: { readonly buckets?: number; readonly specId?: number } = {},
): Promise<MiniLake> {
  const parts = await openParts(context);
  const { engine, files } = parts;
  const bucketing = { columnName: schema.columns[0]?.name ?? '', count: options.buckets ?? 2 };
  const target = {
    icebergSchema: baseSchema(schema),
    specId: options.specId ?? 0,
    sortOrderId: 1,
    dataFolder: 'memory://lake/base/data',
  };
  const ledgerTable = ledgerSchema(schema, { raw: false, beforeImages: false });
  let sequence = 0n;
  const lake: MiniLake = {
    parts,
    target,
    bucketing,
    ledgerSchema: ledgerTable,
    ledger: [],
    base: [],
    async append(changes, version = schema) {
      const writer = createLedgerWriter({
        open: async () => engine,
        files,
        target: { ...target, icebergSchema: ledgerTable, dataFolder: 'memory://lake/ledger/data' },
        limits: { rowsMax: 1e6, bytesMax: 1e9 },
        held: new HeldBytes(1e9),
      });
      const epochs = Map.groupBy(changes, ({ epoch }) => epoch ?? 1);
      for (const part of epochs.values()) await writer.append(changeBatch(version, part));
      sequence += 1n;
      const dataSequenceNumber = sequence;
      for (const file of await writer.finish()) {
        lake.ledger.push({ file, dataSequenceNumber, deletes: [] });
      }
      return dataSequenceNumber;
    },
    merge: (call) => runMerge(lake, schema, call),
    addBase(added) {
      for (const file of added) lake.base.push({ file, dataSequenceNumber: 1n, deletes: [] });
    },
    rows: () => readBase(lake),
  };
  return lake;
}

async function runMerge(
  lake: MiniLake,
  schema: TableSchema,
  call: MergeCall,
): Promise<MergeReport> {
  const { parts, target, bucketing } = lake;
  const { engine, files } = parts;
  const inWindow = ({ dataSequenceNumber }: ScanFile): boolean => dataSequenceNumber > call.seen;
  const sorting = { ...engine, sortBytesMax: call.sortBytesMax ?? engine.sortBytesMax };
  const session = await openMergeSession(files, sorting, {
    schema,
    bucketing,
    ledgerSchema: lake.ledgerSchema,
    // In no order: what counts is the sequence number of a file, not its place in a list.
    window: lake.ledger.filter(inWindow).toReversed(),
    older: () => Promise.resolve(lake.ledger.filter((file) => !inWindow(file))),
    rules: { from: call.from, to: call.to, rereadsAfter: call.rereadsAfter ?? call.seen },
  });
  try {
    const written = await session.apply({
      target,
      bucketing,
      files: lake.base,
      chooseRewrites: (found) =>
        new Set(
          found
            .filter(({ scan, deletedBefore, deletedNow }) => {
              const share = (deletedBefore + deletedNow) / Number(scan.file.recordCount);
              return share > 0 && share >= (call.rewriteShare ?? 2);
            })
            .map(({ scan }) => scan.file.filePath),
        ),
    });
    commit(lake, written);
    return { summary: session.summary, files: written };
  } finally {
    await session.close();
  }
}

function commit(lake: MiniLake, written: MergeFiles): void {
  const removed = new Set(
    [...written.removedData, ...written.removedDeletes].map(({ filePath }) => filePath),
  );
  lake.base = lake.base
    .filter(({ file }) => !removed.has(file.filePath))
    .map((scan) => ({
      ...scan,
      deletes: [
        ...scan.deletes.filter(({ filePath }) => !removed.has(filePath)),
        ...written.addedDeletes.filter(
          ({ referencedDataFile }) => referencedDataFile === scan.file.filePath,
        ),
      ],
    }));
  for (const file of written.addedData) {
    lake.base.push({ file, dataSequenceNumber: 2n, deletes: [] });
  }
}

async function readBase(lake: MiniLake): Promise<readonly string[]> {
  const { query } = lake.parts;
  const names = lake.target.icebergSchema.fields.map(({ name }) => `"${name}"`).join(', ');
  const rows: string[] = [];
  for (const { file, deletes } of lake.base) {
    const dead = new Set<unknown>();
    for (const deleted of deletes) {
      const positions = await query(
        deleted,
        `SELECT pos FROM read_parquet(FILE) WHERE file_path = '${file.filePath}'`,
      );
      for (const [position] of positions) dead.add(position);
    }
    const all = await query(file, `SELECT ${names} FROM read_parquet(FILE)`);
    for (const [position, row] of all.entries()) {
      if (!dead.has(String(position))) rows.push(JSON.stringify(row));
    }
  }
  return rows.toSorted();
}
