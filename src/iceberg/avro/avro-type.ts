/**
 * The schema a file was written with, read from its JSON (Avro specification 1.12, "Schema
 * Declaration"), and how to pass over data of a type nobody asked for. A schema out of a file is
 * input like any other: it is bounded in depth and in size with every named type counted where it
 * is used, a type cannot contain itself, and elements that take no bytes are refused, so that
 * reading is always bounded by the bytes there are.
 */
import { unreachable } from '../../kernel/assert.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { invalidAvro } from './avro-input.ts';
import type { AvroInput } from './avro-input.ts';

/** A type. Logical types are left out: what a value means is the reader's knowledge. */
export type AvroType = AvroShape & {
  /** Types in it, itself included. */
  readonly nodes: number;
  /** Whether no value of it takes a byte. */
  readonly empty: boolean;
};

type AvroShape =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' }
  | { readonly kind: 'bytes' | 'string' | 'enum' }
  | { readonly kind: 'fixed'; readonly lengthBytes: number }
  | { readonly kind: 'record'; readonly fields: readonly AvroField[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] };

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  /** Iceberg's `field-id`; `null` where the writer gave none. */
  readonly id: number | null;
  readonly type: AvroType;
}

/** Passes over one value. */
export type AvroSkip = (input: AvroInput) => void;

const DEPTH_MAX = 64;
const NODES_MAX = 10_000;
const SCHEMA_CHARS_MAX = 16 * 1024 * 1024;

/**
 * Reads the schema of a file.
 *
 * @param where the file, for messages
 * @throws {FirnError} ICEBERG-AVRO-INVALID
 */
export function parseAvroType(text: string, where: string): AvroType {
  if (text.length > SCHEMA_CHARS_MAX) throw invalidAvro('the schema is too long', where);
  let json: JsonValue;
  try {
    json = parseJson(text);
  } catch {
    // The parser's message quotes the text, which is not ours to show.
    throw invalidAvro('the schema is not JSON', where);
  }
  return new SchemaReader(where).read(json, { depth: 0, namespace: '' });
}

/** Whether a value of `type` can be passed over by doing nothing, else how. */
export function skipOf(type: AvroType): AvroSkip | null {
  return type.empty ? null : skipPresent(type);
}

interface Place {
  readonly depth: number;
  readonly namespace: string;
}

/** Reads one schema; knows the named types met so far. */
class SchemaReader {
  readonly #named = new Map<string, AvroType>();
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  read(json: JsonValue, place: Place): AvroType {
    if (place.depth > DEPTH_MAX) throw this.#fault('the schema is nested too deeply');
    if (typeof json === 'string') return this.#readName(json, place);
    if (Array.isArray(json)) return this.#readUnion(json as readonly JsonValue[], place);
    if (typeof json !== 'object' || json === null) throw this.#fault('a type has no name');
    return this.#readObject(json as JsonObject, place);
  }

  #readObject(json: JsonObject, place: Place): AvroType {
    const type = json['type'] ?? null;
    const within = { ...place, depth: place.depth + 1 };
    switch (type) {
      case 'array': {
        const items = this.read(json['items'] ?? null, within);
        if (items.empty) throw this.#fault('an array has elements without bytes');
        return this.#sized({ kind: 'array', items }, [items]);
      }
      case 'map': {
        const values = this.read(json['values'] ?? null, within);
        return this.#sized({ kind: 'map', values }, [values]);
      }
      case 'enum':
        return this.#define(json, place, () => this.#sized({ kind: 'enum' }, []));
      case 'fixed':
        return this.#define(json, place, () => this.#readFixed(json));
      case 'record':
      case 'error':
        return this.#define(json, place, (namespace) =>
          this.#readRecord(json, { ...within, namespace }),
        );
      default:
        return this.read(type, within);
    }
  }

  #readName(name: string, place: Place): AvroType {
    switch (name) {
      case 'null':
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'bytes':
      case 'string':
        return this.#sized({ kind: name }, []);
      default: {
        const known = this.#named.get(fullName(name, place.namespace)) ?? this.#named.get(name);
        if (known === undefined) throw this.#fault('a type is used that is not defined before');
        return known;
      }
    }
  }

  #readUnion(items: readonly JsonValue[], place: Place): AvroType {
    if (items.length === 0) throw this.#fault('a union has no branches');
    const branches = items.map((item) => this.read(item, { ...place, depth: place.depth + 1 }));
    return this.#sized({ kind: 'union', branches }, branches);
  }

  #readFixed(json: JsonObject): AvroType {
    const lengthBytes = json['size'];
    if (typeof lengthBytes !== 'number' || !Number.isInteger(lengthBytes) || lengthBytes < 0) {
      throw this.#fault('a fixed type has no size');
    }
    return this.#sized({ kind: 'fixed', lengthBytes }, []);
  }

  #readRecord(json: JsonObject, place: Place): AvroType {
    const items = json['fields'];
    if (!Array.isArray(items)) throw this.#fault('a record has no fields');
    const fields = (items as readonly JsonValue[]).map((item) => this.#readField(item, place));
    return this.#sized(
      { kind: 'record', fields },
      fields.map((field) => field.type),
    );
  }

  #readField(item: JsonValue, place: Place): AvroField {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      throw this.#fault('a record has a field without a name');
    }
    const json = item as JsonObject;
    const name = json['name'];
    const id = json['field-id'];
    if (typeof name !== 'string') throw this.#fault('a record has a field without a name');
    const type = this.read(json['type'] ?? null, place);
    return { name, id: typeof id === 'number' ? id : null, type };
  }

  /** Makes a type known by its name once it is whole; it cannot contain itself. */
  #define(json: JsonObject, place: Place, make: (namespace: string) => AvroType): AvroType {
    const name = json['name'];
    if (typeof name !== 'string') throw this.#fault('a record, enum or fixed type has no name');
    const declared = json['namespace'];
    const full = fullName(name, typeof declared === 'string' ? declared : place.namespace);
    const type = make(full.slice(0, Math.max(full.lastIndexOf('.'), 0)));
    this.#named.set(full, type);
    return type;
  }

  #sized(shape: AvroShape, parts: readonly AvroType[]): AvroType {
    const nodes = parts.reduce((sum, part) => sum + part.nodes, 1);
    if (nodes > NODES_MAX) throw this.#fault('the schema is too large');
    return { ...shape, nodes, empty: isEmpty(shape) };
  }

  #fault(what: string): Error {
    return invalidAvro(what, this.#where);
  }
}

function isEmpty(shape: AvroShape): boolean {
  switch (shape.kind) {
    case 'null':
      return true;
    case 'fixed':
      return shape.lengthBytes === 0;
    case 'record':
      return shape.fields.every((field) => field.type.empty);
    default:
      return false;
  }
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function skipPresent(type: AvroType): AvroSkip {
  switch (type.kind) {
    case 'null':
      return () => undefined;
    case 'boolean':
      return (input) => input.skip(1);
    case 'int':
    case 'enum':
      return (input) => void input.readInt();
    case 'long':
      return (input) => void input.readLong();
    case 'float':
      return (input) => input.skip(4);
    case 'double':
      return (input) => input.skip(8);
    case 'bytes':
    case 'string':
      return (input) => input.skip(input.readLength());
    case 'fixed':
      return (input) => input.skip(type.lengthBytes);
    case 'record':
      return skipAll(type.fields.map((field) => skipOf(field.type)));
    case 'array':
      return skipBlocks(skipPresent(type.items));
    case 'map': {
      const skipValue = skipPresent(type.values);
      return skipBlocks((input) => {
        input.skip(input.readLength());
        skipValue(input);
      });
    }
    case 'union': {
      const skips = type.branches.map(skipPresent);
      return (input) => skips[input.readIndex(skips.length)]?.(input);
    }
    default:
      return unreachable(type);
  }
}

function skipAll(skips: readonly (AvroSkip | null)[]): AvroSkip {
  const needed = skips.filter((skip) => skip !== null);
  return (input) => {
    for (const skip of needed) skip(input);
  };
}

function skipBlocks(skipElement: AvroSkip): AvroSkip {
  return (input) => {
    for (let count = input.readBlockCount(); count > 0; count = input.readBlockCount()) {
      for (let index = 0; index < count; index++) skipElement(input);
    }
  };
}
