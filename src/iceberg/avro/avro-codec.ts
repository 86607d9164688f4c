/**
 * Typed Avro codecs, put together from small ones: each knows its Avro schema, writes its values
 * and reads them from data of another writer. Record fields are matched by Iceberg's `field-id`,
 * never by name or position, so files of other engines read right whatever their order, names,
 * extra or missing optional fields (Iceberg spec, Appendix A, "Avro"). A `long` is always `bigint`,
 * an `int` always `number`.
 */
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { invalidAvro } from './avro-input.ts';
import type { AvroInput } from './avro-input.ts';
import type { AvroOutput } from './avro-output.ts';
import { skipOf } from './avro-type.ts';
import type { AvroField, AvroType } from './avro-type.ts';

/** Reads one value. */
export type AvroRead<T> = (input: AvroInput) => T;

/** How values of one kind are written and read. */
export interface AvroCodec<T> {
  /** The Avro schema of what {@link write} writes. */
  readonly schema: JsonValue;
  write(output: AvroOutput, value: T): void;
  /**
   * How to read data written as `writer`.
   *
   * @param place file and field, for messages
   * @throws {FirnError} ICEBERG-AVRO-INVALID when such data cannot be values of this codec
   */
  reader(writer: AvroType, place: string): AvroRead<T>;
}

/** What a codec's values are. */
export type CodecValue<C> = C extends AvroCodec<infer T> ? T : never;

/** A field of a record. */
export interface RecordField<T> {
  readonly id: number;
  readonly name: string;
  readonly codec: AvroCodec<T>;
  /** Taken where a file lacks the field; without it such a file is refused. */
  readonly missing?: T;
  /** Keys to add to the field's schema. */
  readonly extra?: JsonObject;
}

interface RecordFields {
  readonly [key: string]: RecordField<unknown>;
}

type RecordValue<F> = {
  readonly [K in keyof F]: F[K] extends RecordField<infer T> ? T : never;
};

type Leaf = 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** A leaf as written, and how each kind of writer's data becomes its values. */
function leaf<T>(
  kind: Leaf,
  write: (output: AvroOutput, value: T) => void,
  reads: { readonly [K in AvroType['kind']]?: AvroRead<T> },
): AvroCodec<T> {
  return {
    schema: kind,
    write,
    reader: (writer, place) => throughUnion(writer, place, (type) => reads[type.kind] ?? null),
  };
}

/** `boolean`. */
export const booleanCodec: AvroCodec<boolean> = leaf(
  'boolean',
  (output, value) => output.writeBoolean(value),
  { boolean: (input) => input.readBoolean() },
);

/** `int`; also reads `long` while it fits (PyIceberg 0.12 writes `equality_ids` as longs). */
export const intCodec: AvroCodec<number> = leaf('int', (output, value) => output.writeInt(value), {
  int: (input) => input.readInt(),
  long: (input) => input.readInt(),
});

/** `long`; also reads `int`. */
export const longCodec: AvroCodec<bigint> = leaf(
  'long',
  (output, value) => output.writeLong(value),
  { long: (input) => input.readLong(), int: (input) => input.readLong() },
);

/** `float`. */
export const floatCodec: AvroCodec<number> = leaf(
  'float',
  (output, value) => output.writeFloat(value),
  { float: (input) => input.readFloat() },
);

/** `double`; also reads `float`. */
export const doubleCodec: AvroCodec<number> = leaf(
  'double',
  (output, value) => output.writeDouble(value),
  { double: (input) => input.readDouble(), float: (input) => input.readFloat() },
);

/** `bytes`, copied out of the file. */
export const bytesCodec: AvroCodec<Uint8Array> = leaf(
  'bytes',
  (output, value) => output.writeBytes(value),
  { bytes: (input) => new Uint8Array(input.readBytes()) },
);

/** `string`. */
export const textCodec: AvroCodec<string> = leaf(
  'string',
  (output, value) => output.writeText(value),
  { string: (input) => input.readText() },
);

/** `["null", T]`. */
function nullable<T>(codec: AvroCodec<T>): AvroCodec<T | null> {
  const readNull = (): null => null;
  return {
    schema: ['null', codec.schema],
    write(output, value) {
      if (value === null) {
        output.writeInt(0);
      } else {
        output.writeInt(1);
        codec.write(output, value);
      }
    },
    reader: (writer, place) =>
      throughUnion<T | null>(writer, place, (type) =>
        type.kind === 'null' ? readNull : codec.reader(type, place),
      ),
  };
}

/** An array, written as one block and the empty one that ends it; elements have an `element-id`. */
export function listOf<T>(codec: AvroCodec<T>, elementId: number): AvroCodec<readonly T[]> {
  return {
    schema: { type: 'array', items: codec.schema, 'element-id': elementId },
    write: (output, values) => {
      output.writeInt(values.length);
      for (const value of values) codec.write(output, value);
      if (values.length > 0) output.writeInt(0);
    },
    reader: (writer, place) =>
      throughUnion(writer, place, (type) => {
        if (type.kind !== 'array') return null;
        const readElement = codec.reader(type.items, place);
        return (input) => {
          const values: T[] = [];
          forEachElement(input, () => values.push(readElement(input)));
          return values;
        };
      }),
  };
}

/** Ids of a map's keys and values. */
export interface MapIds {
  readonly keyId: number;
  readonly valueId: number;
}

/**
 * A map with int keys: an array of key-value records with the logical type `map`, because Avro's
 * own maps have string keys (Iceberg spec, Appendix A).
 */
export function intMapOf<V>(codec: AvroCodec<V>, ids: MapIds): AvroCodec<ReadonlyMap<number, V>> {
  const entry = recordOf(`k${ids.keyId}_v${ids.valueId}`, {
    key: { id: ids.keyId, name: 'key', codec: intCodec },
    value: { id: ids.valueId, name: 'value', codec },
  });
  return {
    schema: { type: 'array', logicalType: 'map', items: entry.schema },
    write: (output, map) => {
      output.writeInt(map.size);
      for (const [key, value] of map) {
        output.writeInt(key);
        codec.write(output, value);
      }
      if (map.size > 0) output.writeInt(0);
    },
    reader: (writer, place) =>
      throughUnion(writer, place, (type) => {
        if (type.kind !== 'array') return null;
        const readEntry = entry.reader(type.items, place);
        return (input) => {
          const map = new Map<number, V>();
          forEachElement(input, () => {
            const { key, value } = readEntry(input);
            map.set(key, value);
          });
          return map;
        };
      }),
  };
}

/** A record. Its fields are written in the order of `fields`. */
export function recordOf<F extends RecordFields>(
  name: string,
  fields: F,
): AvroCodec<RecordValue<F>> {
  const members = Object.entries(fields);
  return {
    schema: {
      type: 'record',
      name,
      fields: members.map(([, field]) => ({
        name: field.name,
        type: field.codec.schema,
        ...field.extra,
        'field-id': field.id,
      })),
    },
    write(output, value) {
      for (const [key, field] of members) field.codec.write(output, value[key]);
    },
    reader: (writer, place) =>
      throughUnion(
        writer,
        place,
        (type) => (type.kind === 'record' ? recordReader(members, type.fields, place) : null),
        // Its keys are those of `fields`, and each value was read by its field's codec.
      ) as AvroRead<RecordValue<F>>,
  };
}

/** A required field. */
export function required<T>(id: number, name: string, codec: AvroCodec<T>): RecordField<T> {
  return { id, name, codec };
}

/** An optional field: null by default and where a file lacks it. */
export function optional<T>(id: number, name: string, codec: AvroCodec<T>): RecordField<T | null> {
  return { id, name, codec: nullable(codec), missing: null, extra: { default: null } };
}

/**
 * How to read `writer`'s data with `choose`, which gives `null` for a type it cannot read. A branch
 * of a union that cannot be read (null, where a value is required) is a fault only when it occurs.
 *
 * @throws {FirnError} ICEBERG-AVRO-INVALID when nothing can be read
 */
export function throughUnion<T>(
  writer: AvroType,
  place: string,
  choose: (type: AvroType) => AvroRead<T> | null,
): AvroRead<T> {
  if (writer.kind !== 'union') {
    const read = choose(writer);
    if (read !== null) return read;
    throw invalidAvro(`a field has the unexpected Avro type ${writer.kind}`, place);
  }
  const reads = writer.branches.map(choose);
  return (input) => {
    const read = reads[input.readIndex(reads.length)] ?? null;
    if (read === null) throw input.fault('a union has an unexpected branch');
    return read(input);
  };
}

type Member = readonly [key: string, field: RecordField<unknown>];

/** Reads a record of `writerFields` into an object with the keys of `members`. */
function recordReader(
  members: readonly Member[],
  writerFields: readonly AvroField[],
  place: string,
): AvroRead<Readonly<Record<string, unknown>>> {
  const wanted = new Map(members.map((member) => [member[1].id, member]));
  const steps: { readonly key: string | null; readonly run: AvroRead<unknown> }[] = [];
  for (const { id, type } of writerFields) {
    const member = id === null ? undefined : wanted.get(id);
    if (member === undefined) {
      const skip = skipOf(type);
      if (skip !== null) steps.push({ key: null, run: skip });
    } else {
      const [key, field] = member;
      steps.push({ key, run: field.codec.reader(type, `${place}: ${field.name}`) });
      wanted.delete(field.id);
    }
  }
  for (const [, field] of wanted.values()) {
    if (field.missing !== undefined) continue;
    throw invalidAvro(`the required field ${field.name} (id ${field.id}) is missing`, place);
  }
  const start = Object.fromEntries(members.map(([key, field]) => [key, field.missing ?? null]));
  return (input) => {
    const record: Record<string, unknown> = { ...start };
    for (const { key, run } of steps) {
      const value = run(input);
      if (key !== null) record[key] = value;
    }
    return record;
  };
}

function forEachElement(input: AvroInput, read: () => void): void {
  for (let count = input.readBlockCount(); count > 0; count = input.readBlockCount()) {
    for (let index = 0; index < count; index++) read();
  }
}
