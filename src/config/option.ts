/**
 * What an option declaration says, and the types that follow from it. One declaration per option
 * gives its TypeScript type, its checks, its place in the JSON Schema and its line in the reference
 * page, so these cannot differ.
 */
import type { SecretReference } from './secret-reference.ts';

/** What a value may be. Bounds are inclusive. */
export type ValueType =
  | { readonly kind: 'text'; readonly pattern?: RegExp; readonly patternText?: string }
  /**
   * Path on this machine; relative ones start at the pipeline file's folder. `bucket`: an address
   * `s3://bucket/prefix` is taken, too.
   */
  | { readonly kind: 'path'; readonly bucket?: boolean }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'secret' }
  | { readonly kind: 'list'; readonly of: ValueType; readonly itemsMin: number }
  /** Values by a name that the user chooses, such as a column. */
  | { readonly kind: 'map'; readonly of: ValueType; readonly keyText: string }
  /** The word, or a value. */
  | { readonly kind: 'either'; readonly word: string; readonly of: ValueType }
  /** `shorthand`: a plain text stands for a section with this one option. */
  | { readonly kind: 'section'; readonly options: Section; readonly shorthand?: string }
  /** Sections told apart by their option `type`. */
  | { readonly kind: 'variant'; readonly variants: Readonly<Record<string, Section>> };

/** One option. */
export interface Option {
  readonly type: ValueType;
  /** As a user would write it; `null`: may be left out. Absent: the option is required. */
  readonly default?: unknown;
  /** What it means: one or two sentences for the reference page and editors. */
  readonly text: string;
  /** First version that has it. */
  readonly since: string;
}

/** Options by name, in the order in which they are documented. */
export type Section = Readonly<Record<string, Option>>;

/** Type of a resolved value. */
export type Value<T extends ValueType> = T extends { kind: 'text' | 'path' }
  ? string
  : T extends { kind: 'duration' | 'size' | 'integer' }
    ? number
    : T extends { kind: 'flag' }
      ? boolean
      : T extends { kind: 'choice'; values: readonly (infer Choice)[] }
        ? Choice
        : T extends { kind: 'secret' }
          ? SecretReference
          : NestedValue<T>;

type NestedValue<T extends ValueType> = T extends { kind: 'list'; of: infer Item extends ValueType }
  ? readonly Value<Item>[]
  : T extends { kind: 'map'; of: infer Item extends ValueType }
    ? Readonly<Record<string, Value<Item>>>
    : T extends { kind: 'either'; word: infer Word; of: infer Item extends ValueType }
      ? Word | Value<Item>
      : T extends { kind: 'section'; options: infer Options extends Section }
        ? Resolved<Options>
        : T extends { kind: 'variant'; variants: infer Variants }
          ? {
              [Name in keyof Variants]: Variants[Name] extends Section
                ? { readonly type: Name } & Resolved<Variants[Name]>
                : never;
            }[keyof Variants]
          : never;

/** A section with every default filled in and units in the names. */
export type Resolved<S extends Section> = {
  readonly [Name in keyof S & string as ResolvedName<Name, S[Name]['type']>]: S[Name] extends {
    default: null;
  }
    ? Value<S[Name]['type']> | null
    : Value<S[Name]['type']>;
};

type ResolvedName<Name extends string, T extends ValueType> = T extends { kind: 'duration' }
  ? `${Name}Ms`
  : T extends { kind: 'size' }
    ? `${Name}Bytes`
    : Name;

/** Name of an option once it is resolved: durations end in `Ms`, sizes in `Bytes`. */
export function resolvedName(name: string, type: ValueType): string {
  if (type.kind === 'duration') return `${name}Ms`;
  return type.kind === 'size' ? `${name}Bytes` : name;
}
