/**
 * The optional metadata at the end of a table map: fields of a type, a length and a value, each
 * about the columns of one sort only (numbers, text, ENUM...), in column order. Fields that are not
 * known are passed over.
 */
import { LOG_TYPE } from '../mysql/log-type.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';
import type { LogKeyPart, MappedColumn } from './log-table.ts';
import type { MysqlFlavour } from '../mysql/mysql-column.ts';

/** What the metadata says, by column index. */
export interface TableMetadata {
  readonly names: string[];
  readonly unsigned: Set<number>;
  readonly collations: Map<number, number>;
  readonly labels: Map<number, readonly Uint8Array[]>;
  readonly geometryTypes: Map<number, number>;
  readonly vectorDimensions: Map<number, number>;
  readonly hidden: Set<number>;
  primaryKey: readonly LogKeyPart[] | null;
}

const FIELD = {
  signedness: 1,
  defaultCharset: 2,
  columnCharset: 3,
  columnName: 4,
  setLabels: 5,
  enumLabels: 6,
  geometryType: 7,
  primaryKey: 8,
  primaryKeyWithPrefix: 9,
  enumSetDefaultCharset: 10,
  enumSetColumnCharset: 11,
  visibility: 12,
  vectorDimensions: 13,
} as const;

const KNOWN_FIELDS: ReadonlySet<number> = new Set(Object.values(FIELD));

const LABELS_MAX = 65_535;

const NUMBERS: ReadonlySet<number> = new Set([
  LOG_TYPE.tiny,
  LOG_TYPE.short,
  LOG_TYPE.int24,
  LOG_TYPE.long,
  LOG_TYPE.longlong,
  LOG_TYPE.float,
  LOG_TYPE.double,
  LOG_TYPE.decimal,
  LOG_TYPE.year,
]);

const TEXTS: ReadonlySet<number> = new Set([
  LOG_TYPE.string,
  LOG_TYPE.varString,
  LOG_TYPE.varchar,
  LOG_TYPE.tinyBlob,
  LOG_TYPE.mediumBlob,
  LOG_TYPE.longBlob,
  LOG_TYPE.blob,
  LOG_TYPE.blobCompressed,
  LOG_TYPE.varcharCompressed,
]);

/** Types without a charset that each server counts among the texts, with the collation `binary`. */
const ODD_TEXT: Readonly<Record<MysqlFlavour, number>> = {
  mysql: LOG_TYPE.vector,
  mariadb: LOG_TYPE.geometry,
};

const ENUMS: ReadonlySet<number> = new Set([LOG_TYPE.enum]);
const SETS: ReadonlySet<number> = new Set([LOG_TYPE.set]);
const ENUMS_AND_SETS: ReadonlySet<number> = new Set([LOG_TYPE.enum, LOG_TYPE.set]);
const GEOMETRIES: ReadonlySet<number> = new Set([LOG_TYPE.geometry]);
const VECTORS: ReadonlySet<number> = new Set([LOG_TYPE.vector]);

/**
 * Reads all fields of the optional metadata of a table with these columns. A field that does not
 * fit its columns exactly is an error: a charset must never go to another column.
 */
export function readTableMetadata(
  cursor: ByteCursor,
  columns: readonly MappedColumn[],
  flavour: MysqlFlavour,
): TableMetadata {
  const metadata: TableMetadata = {
    names: [],
    unsigned: new Set(),
    collations: new Map(),
    labels: new Map(),
    geometryTypes: new Map(),
    vectorDimensions: new Map(),
    hidden: new Set(),
    primaryKey: null,
  };
  while (cursor.remaining > 0) {
    const field = cursor.uint(1);
    const value = new ByteCursor(cursor.take(cursor.packedInt()));
    if (!KNOWN_FIELDS.has(field)) continue;
    readField({ field, value, columns, flavour }, metadata);
    if (value.remaining > 0) throw malformed('a table map says more than it has columns for');
  }
  return metadata;
}

interface Field {
  readonly field: number;
  readonly value: ByteCursor;
  readonly columns: readonly MappedColumn[];
  readonly flavour: MysqlFlavour;
}

function readField({ field, value, columns, flavour }: Field, metadata: TableMetadata): void {
  const of = (types: ReadonlySet<number>): readonly number[] => indexesOf(columns, types);
  const texts = (): readonly number[] => of(new Set([...TEXTS, ODD_TEXT[flavour]]));
  switch (field) {
    case FIELD.signedness:
      return readBits(value, of(NUMBERS), (index) => metadata.unsigned.add(index));
    case FIELD.defaultCharset:
      return readDefaultCharset(value, texts(), metadata.collations);
    case FIELD.columnCharset:
      return readNumbers(value, texts(), metadata.collations);
    case FIELD.enumSetDefaultCharset:
      return readDefaultCharset(value, of(ENUMS_AND_SETS), metadata.collations);
    case FIELD.enumSetColumnCharset:
      return readNumbers(value, of(ENUMS_AND_SETS), metadata.collations);
    case FIELD.columnName:
      for (const _ of columns) metadata.names.push(value.text(value.packedInt()));
      return;
    case FIELD.setLabels:
      return readLabels(value, of(SETS), metadata.labels);
    case FIELD.enumLabels:
      return readLabels(value, of(ENUMS), metadata.labels);
    case FIELD.geometryType:
      return readNumbers(value, of(GEOMETRIES), metadata.geometryTypes);
    case FIELD.vectorDimensions:
      return readNumbers(value, of(VECTORS), metadata.vectorDimensions);
    case FIELD.primaryKey:
    case FIELD.primaryKeyWithPrefix:
      metadata.primaryKey = readKey(value, field === FIELD.primaryKeyWithPrefix, columns.length);
      return;
    case FIELD.visibility:
      for (const index of columns.keys()) metadata.hidden.add(index);
      return readBits(value, [...columns.keys()], (index) => metadata.hidden.delete(index));
  }
}

function indexesOf(
  columns: readonly MappedColumn[],
  types: ReadonlySet<number>,
): readonly number[] {
  return columns.flatMap(({ typeCode }, index) => (types.has(typeCode) ? [index] : []));
}

/** One bit per column, the highest bit first. */
function readBits(
  value: ByteCursor,
  indexes: readonly number[],
  setBit: (index: number) => void,
): void {
  const bits = value.take((indexes.length + 7) >> 3);
  for (const [place, index] of indexes.entries()) {
    if ((((bits[place >> 3] ?? 0) << (place & 7)) & 128) !== 0) setBit(index);
  }
}

function readNumbers(
  value: ByteCursor,
  indexes: readonly number[],
  numbers: Map<number, number>,
): void {
  for (const index of indexes) numbers.set(index, value.packedInt());
}

/** One collation for all, then (place among these columns, collation) where it differs. */
function readDefaultCharset(
  value: ByteCursor,
  indexes: readonly number[],
  collations: Map<number, number>,
): void {
  const fallback = value.packedInt();
  for (const index of indexes) collations.set(index, fallback);
  while (value.remaining > 0) {
    const index = indexes[value.packedInt()];
    if (index === undefined) throw malformed('a table map gives a charset to a missing column');
    collations.set(index, value.packedInt());
  }
}

function readLabels(
  value: ByteCursor,
  indexes: readonly number[],
  labels: Map<number, readonly Uint8Array[]>,
): void {
  for (const index of indexes) {
    const count = value.packedInt();
    if (count > LABELS_MAX) throw malformed('a column has an impossible count of labels');
    const list: Uint8Array[] = [];
    for (let label = 0; label < count; label++) list.push(value.take(value.packedInt()).slice());
    labels.set(index, list);
  }
}

function readKey(
  value: ByteCursor,
  withPrefix: boolean,
  columnCount: number,
): readonly LogKeyPart[] {
  const parts: LogKeyPart[] = [];
  while (value.remaining > 0) {
    const column = value.packedInt();
    if (column >= columnCount) throw malformed('a primary key names a missing column');
    parts.push({ column, prefixLength: withPrefix ? value.packedInt() : 0 });
  }
  return parts;
}
