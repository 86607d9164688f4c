/**
 * The types a column can have on its way from a source to Iceberg. Each is an Iceberg primitive
 * (Iceberg spec, "Primitive Types"); there is no `time`, because Spark cannot open a table that has
 * one. A source maps its own types to these, losslessly or not at all.
 */

/** Type of a column. */
export type ColumnType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'int' }
  | { readonly kind: 'long' }
  | { readonly kind: 'float' }
  | { readonly kind: 'double' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  /** Days since 1970-01-01. */
  | { readonly kind: 'date' }
  /** Microseconds since 1970-01-01T00:00:00, without zone. */
  | { readonly kind: 'timestamp' }
  /** Microseconds since 1970-01-01T00:00:00Z. */
  | { readonly kind: 'timestamptz' }
  | { readonly kind: 'string' }
  | { readonly kind: 'binary' }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'fixed'; readonly lengthBytes: number };

/** Name of a type as Iceberg writes it, for example `decimal(18, 2)`. */
export function formatColumnType(type: ColumnType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`;
    case 'fixed':
      return `fixed[${type.lengthBytes}]`;
    default:
      return type.kind;
  }
}

/** Reads {@link formatColumnType}'s text; `null` when it names no column type. */
export function parseColumnType(text: string): ColumnType | null {
  const decimal = /^decimal\((\d{1,2}), ?(\d{1,2})\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number.parseInt(decimal[1] ?? '', 10);
    return { kind: 'decimal', precision, scale: Number.parseInt(decimal[2] ?? '', 10) };
  }
  const fixed = /^fixed\[(\d{1,9})\]$/.exec(text);
  if (fixed !== null) return { kind: 'fixed', lengthBytes: Number.parseInt(fixed[1] ?? '', 10) };
  switch (text) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'string':
    case 'binary':
    case 'uuid':
      return { kind: text };
    default:
      return null;
  }
}

/** Whether two types are the same. */
export function sameColumnType(left: ColumnType, right: ColumnType): boolean {
  return formatColumnType(left) === formatColumnType(right);
}
