/**
 * Data and delete files of simulated tables: JSON in place of Parquet, with the same entry in a
 * manifest. A row is a record of text by column name, so files of older schemas lack columns.
 */
import {
  decodeDeletionVector,
  encodeDeletionVector,
  isDeletionVector,
} from '../../src/iceberg/deletes/deletion-vector.ts';
import type { NestedField } from '../../src/iceberg/iceberg-type.ts';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import type { ScanFile } from '../../src/iceberg/scan-file.ts';
import { encodeSingleValue, valueOrder } from '../../src/iceberg/single-value.ts';
import type { IcebergValue, PresentValue } from '../../src/iceberg/single-value.ts';
import { present } from '../../src/kernel/assert.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import type { Random } from '../../src/kernel/random.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { WriteTarget } from '../../src/ports/row-engine.ts';
import { cellValue } from './row-cells.ts';

/** What reading and writing needs. */
export interface RowFileContext {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** A row by column name. */
export type NamedRow = Readonly<Record<string, string | null>>;

/** A row and where it lies. */
export interface PlacedRow {
  readonly scan: ScanFile;
  readonly position: number;
  readonly row: NamedRow;
}

/** Writes rows as one data file of `target`. */
export async function writeRows(
  context: RowFileContext,
  file: {
    readonly target: WriteTarget;
    readonly partition: readonly IcebergValue[];
    readonly rows: readonly NamedRow[];
  },
): Promise<DataFile> {
  const { target, partition, rows } = file;
  const bounds = target.icebergSchema.fields.flatMap((field) => boundsOf(field, rows));
  const written = await writeFile(context, target.dataFolder, rows);
  return {
    ...written,
    content: 'data',
    partition,
    specId: target.specId,
    recordCount: BigInt(rows.length),
    lowerBounds: new Map(bounds.map(({ id, lower }) => [id, lower])),
    upperBounds: new Map(bounds.map(({ id, upper }) => [id, upper])),
    sortOrderId: target.sortOrderId,
    referencedDataFile: null,
  };
}

/** Writes the positions that are deleted in `data`. */
export async function writeDeletes(
  context: RowFileContext,
  target: WriteTarget,
  deletes: { readonly data: DataFile; readonly positions: readonly number[] },
): Promise<DataFile> {
  const { data, positions } = deletes;
  const entry = {
    content: 'position-deletes',
    partition: data.partition,
    specId: data.specId,
    lowerBounds: null,
    upperBounds: null,
    sortOrderId: null,
  } as const;
  if (target.formatVersion === 3) {
    const vector = encodeDeletionVector(data.filePath, [BigInt64Array.from(positions, BigInt)]);
    const { bytes, ...said } = vector;
    const written = await writeBytes(context, target.dataFolder, bytes);
    return { ...written, ...entry, ...said, fileFormat: 'PUFFIN' };
  }
  const written = await writeFile(context, target.dataFolder, positions);
  const recordCount = BigInt(positions.length);
  return { ...written, ...entry, recordCount, referencedDataFile: data.filePath };
}

type Written = Omit<
  DataFile,
  | 'content'
  | 'partition'
  | 'specId'
  | 'recordCount'
  | 'lowerBounds'
  | 'upperBounds'
  | 'sortOrderId'
  | 'referencedDataFile'
>;

async function writeFile(
  context: RowFileContext,
  folder: string,
  content: unknown,
): Promise<Written> {
  return writeBytes(context, folder, new TextEncoder().encode(JSON.stringify(content)));
}

async function writeBytes(
  context: RowFileContext,
  folder: string,
  bytes: Uint8Array,
): Promise<Written> {
  const { store, clock, random } = context;
  const filePath = `${folder}/${uuidV7(clock, random)}.parquet`;
  await store.write(filePath, bytes);
  return {
    filePath,
    fileFormat: 'PARQUET',
    fileSizeBytes: BigInt(bytes.length),
    columnSizes: null,
    valueCounts: null,
    nullValueCounts: null,
    nanValueCounts: null,
    splitOffsets: null,
    equalityIds: null,
    contentOffset: null,
    contentSizeBytes: null,
    firstRowId: null,
    keyMetadata: null,
  };
}

/** Rows of a data file with its deletes applied, in order. */
export async function readLiveRows(
  context: Pick<RowFileContext, 'store'>,
  scan: ScanFile,
): Promise<readonly PlacedRow[]> {
  const dead = await readDeletes(context, scan);
  const rows = await readFile<readonly NamedRow[]>(context, scan.file.filePath);
  return rows
    .map((row, position) => ({ scan, position, row }))
    .filter(({ position }) => !dead.has(position));
}

/** Positions that are deleted in a data file. */
export async function readDeletes(
  context: Pick<RowFileContext, 'store'>,
  scan: ScanFile,
): Promise<ReadonlySet<number>> {
  const dead = new Set<number>();
  for (const file of scan.deletes) {
    if (isDeletionVector(file)) {
      const bytes = await context.store.read(file.filePath);
      for (const batch of decodeDeletionVector(file, bytes)) {
        for (const position of batch) dead.add(Number(position));
      }
      continue;
    }
    const positions = await readFile<readonly number[]>(context, file.filePath);
    for (const position of positions) dead.add(position);
  }
  return dead;
}

async function readFile<T>(context: Pick<RowFileContext, 'store'>, location: string): Promise<T> {
  // Written by `writeFile` only.
  return JSON.parse(new TextDecoder().decode(await context.store.read(location))) as T;
}

interface FieldBounds {
  readonly id: number;
  readonly lower: Uint8Array;
  readonly upper: Uint8Array;
}

function boundsOf(field: NestedField, rows: readonly NamedRow[]): readonly FieldBounds[] {
  const { id, name, type } = field;
  const texts = rows.flatMap((row) => row[name] ?? []);
  if (texts.length === 0 || type.kind === 'struct') return [];
  const values: readonly PresentValue[] = texts
    .map((text) => cellValue(type, text))
    .toSorted(valueOrder(type));
  const lower = encodeSingleValue(type, present(values[0], 'a value'));
  return [{ id, lower, upper: encodeSingleValue(type, present(values.at(-1), 'a value')) }];
}
