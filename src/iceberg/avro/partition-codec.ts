/**
 * The Avro record of a partition tuple, made from the type of a table's partition spec (Iceberg
 * spec, "Manifests", field 102, and Appendix A, "Avro"). Every value is optional; the field id ties
 * a value to its partition field, its name is only made fit for Avro.
 */
import { assert, unreachable } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { formatType, isPrimitive } from '../iceberg-type.ts';
import type { PrimitiveType, StructType } from '../iceberg-type.ts';
import {
  decimalFromBytes,
  decimalToBytes,
  expectBigint,
  expectBoolean,
  expectBytes,
  expectNumber,
  expectText,
} from '../single-value.ts';
import type { IcebergValue, PresentValue } from '../single-value.ts';
import {
  booleanCodec,
  bytesCodec,
  doubleCodec,
  floatCodec,
  intCodec,
  longCodec,
  optional,
  recordOf,
  textCodec,
  throughUnion,
} from './avro-codec.ts';
import type { AvroCodec, AvroRead, RecordField } from './avro-codec.ts';
import type { AvroType } from './avro-type.ts';

const UUID_BYTES = 16;

/** The codec of partition tuples of `type`: arrays with one value per field, in its order. */
export function partitionCodec(type: StructType): AvroCodec<readonly IcebergValue[]> {
  const names = avroNames(type);
  const fields = type.fields.map((field, index) => {
    assert(isPrimitive(field.type), `a partition value cannot be ${formatType(field.type)}`);
    return partitionValueField(field.id, names[index] ?? '', field.type);
  });
  // Not the bare index: keys that look like numbers are moved to the front of an object.
  const keys = fields.map((_field, index) => `value ${index}`);
  const record = recordOf(
    'r102',
    Object.fromEntries(fields.map((field, index) => [`value ${index}`, field])),
  );
  return {
    schema: record.schema,
    write(output, values) {
      assert(values.length === fields.length, 'a partition tuple must have a value per field');
      for (const [index, field] of fields.entries()) {
        field.codec.write(output, values[index] ?? null);
      }
    },
    reader(writer, place) {
      const read = record.reader(writer, place);
      return (input) => {
        const values = read(input);
        return keys.map((key) => values[key] ?? null);
      };
    },
  };
}

function partitionValueField(
  id: number,
  name: string,
  type: PrimitiveType,
): RecordField<IcebergValue> {
  // Avro allows null but once in a union.
  if (type.kind === 'unknown') return { id, name, codec: unknownCodec, missing: null };
  return optional(id, name, valueCodec(type, id));
}

/**
 * Names that Avro allows: letters, digits and `_`, no digit first, each once. Another character
 * becomes `_x` and its code in hex, as in other Iceberg libraries.
 */
function avroNames(type: StructType): readonly string[] {
  const taken = new Set<string>();
  return type.fields.map((field) => {
    const letters = Array.from(field.name, (character) =>
      /[A-Za-z0-9_]/.test(character)
        ? character
        : `_x${(character.codePointAt(0) ?? 0).toString(16).toUpperCase()}`,
    ).join('');
    const legal = /^[A-Za-z_]/.test(letters) ? letters : `_${letters}`;
    const name = taken.has(legal) ? `${legal}_${field.id}` : legal;
    taken.add(name);
    return name;
  });
}

/** The codec of single values of `type`; `id` keeps the names of fixed types apart. */
function valueCodec(type: PrimitiveType, id: number): AvroCodec<IcebergValue> {
  switch (type.kind) {
    case 'boolean':
      return adapt(booleanCodec, expectBoolean);
    case 'int':
      return adapt(intCodec, expectNumber);
    case 'date':
      return logical(adapt(intCodec, expectNumber), 'date');
    case 'long':
      return adapt(longCodec, expectBigint);
    case 'float':
      return adapt(floatCodec, expectNumber);
    case 'double':
      return adapt(doubleCodec, expectNumber);
    case 'time':
      return logical(adapt(longCodec, expectBigint), 'time-micros');
    case 'timestamp':
    case 'timestamptz':
      return timestampCodec('timestamp-micros', type.kind === 'timestamptz');
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestampCodec('timestamp-nanos', type.kind === 'timestamptz_ns');
    case 'string':
      return adapt(textCodec, expectText);
    case 'binary':
      return adapt(bytesCodec, expectBytes);
    case 'uuid':
      return fixedCodec({ name: `uuid_${id}`, size: UUID_BYTES, logicalType: 'uuid' });
    case 'fixed':
      return fixedCodec({ name: `fixed_${id}`, size: type.lengthBytes });
    case 'decimal':
      return decimalCodec(type, id);
    case 'unknown':
      return unknownCodec;
    default:
      return unreachable(type);
  }
}

/** A codec of values in general from one of values of a type. */
function adapt<T extends PresentValue>(
  codec: AvroCodec<T>,
  expect: (value: PresentValue) => T,
): AvroCodec<IcebergValue> {
  return {
    schema: codec.schema,
    write: (output, value) => codec.write(output, expect(presentOf(value))),
    reader: (writer, place) => codec.reader(writer, place),
  };
}

function logical(codec: AvroCodec<IcebergValue>, logicalType: string): AvroCodec<IcebergValue> {
  return { ...codec, schema: { type: codec.schema, logicalType } };
}

function timestampCodec(logicalType: string, adjustToUtc: boolean): AvroCodec<IcebergValue> {
  const schema: JsonValue = { type: 'long', logicalType, 'adjust-to-utc': adjustToUtc };
  return { ...adapt(longCodec, expectBigint), schema };
}

/** A fixed type's values; `declaration` is the rest of its schema. */
function fixedCodec(declaration: JsonObject & { readonly size: number }): AvroCodec<IcebergValue> {
  const { size } = declaration;
  return {
    schema: { type: 'fixed', ...declaration },
    write(output, value) {
      const bytes = expectBytes(presentOf(value));
      assert(bytes.length === size, `a fixed value must have ${size} bytes`);
      output.writeFixed(bytes);
    },
    reader: (writer, place) =>
      throughUnion<IcebergValue>(writer, place, (type) =>
        type.kind === 'fixed' && type.lengthBytes === size
          ? (input) => new Uint8Array(input.readFixed(size))
          : null,
      ),
  };
}

/** Decimals as fixed bytes; writers before a widening used fewer, and some use `bytes`. */
function decimalCodec(
  type: { readonly precision: number; readonly scale: number },
  id: number,
): AvroCodec<IcebergValue> {
  const { precision, scale } = type;
  const size = decimalToBytes(10n ** BigInt(precision) - 1n).length;
  const name = `decimal_${precision}_${scale}_${id}`;
  return {
    schema: { type: 'fixed', name, size, logicalType: 'decimal', precision, scale },
    write(output, value) {
      const unscaled = expectBigint(presentOf(value));
      const bytes = decimalToBytes(unscaled);
      assert(bytes.length <= size, `a decimal must fit ${precision} digits`);
      const padded = new Uint8Array(size).fill(unscaled < 0n ? 0xff : 0);
      padded.set(bytes, size - bytes.length);
      output.writeFixed(padded);
    },
    reader: (writer, place) =>
      throughUnion<IcebergValue>(writer, place, (written) => {
        const readBytes = rawBytesRead(written);
        if (readBytes === null) return null;
        return (input) => {
          const unscaled = decimalFromBytes(readBytes(input));
          if (unscaled === null) throw input.fault('a decimal has no bytes, or more than 16');
          return unscaled;
        };
      }),
  };
}

function rawBytesRead(type: AvroType): AvroRead<Uint8Array> | null {
  if (type.kind === 'bytes') return (input) => input.readBytes();
  return type.kind === 'fixed' ? (input) => input.readFixed(type.lengthBytes) : null;
}

/**
 * Values of a partition field whose column is gone or whose transform Firn does not know. They are
 * read as the writer's Avro type says and cannot be written, unless null: that would change the
 * partition of a file.
 */
const unknownCodec: AvroCodec<IcebergValue> = {
  schema: 'null',
  write(_output, value) {
    if (value === null) return;
    throw new FirnError('ICEBERG-SPEC-INVALID', {
      what: 'a partition value cannot be written: its column is gone or its transform unknown',
    });
  },
  reader: (writer, place) => throughUnion(writer, place, naturalRead),
};

function naturalRead(type: AvroType): AvroRead<IcebergValue> | null {
  switch (type.kind) {
    case 'null':
      return () => null;
    case 'boolean':
      return (input) => input.readBoolean();
    case 'int':
      return (input) => input.readInt();
    case 'long':
      return (input) => input.readLong();
    case 'float':
      return (input) => input.readFloat();
    case 'double':
      return (input) => input.readDouble();
    case 'string':
      return (input) => input.readText();
    case 'bytes':
      return (input) => new Uint8Array(input.readBytes());
    case 'fixed':
      return (input) => new Uint8Array(input.readFixed(type.lengthBytes));
    default:
      return null;
  }
}

function presentOf(value: IcebergValue): PresentValue {
  assert(value !== null, 'null is written by the union around a value');
  return value;
}
