/**
 * How each column arrives in an envelope that Firn's own feed wrote, and the expression of Flink's
 * SQL that makes the lake's value of it. What stands in the field is written in
 * `change-envelope.ts`; both go by the type of the lake alone.
 */
import type { Column } from '../../model/table-schema.ts';
import type { EnvelopeColumn } from './envelope-column.ts';

/** What a column of a source table is in the envelope. */
export function feedColumn({ type }: Column): EnvelopeColumn {
  switch (type.kind) {
    case 'long':
      return partial((raw) => `TRY_CAST(${raw} AS BIGINT)`);
    case 'double':
      return partial((raw) => `TRY_CAST(${raw} AS DOUBLE)`);
    case 'string':
      return { kind: 'carried', value: (raw) => raw, isTotal: true };
    case 'binary':
      // Hexadecimal digits: unlike base64, Flink's SQL can tell whether they are such.
      return partial((raw) => `CASE WHEN MOD(CHAR_LENGTH(${raw}), 2) = 0 THEN UNHEX(${raw}) END`);
    default:
      return {
        kind: 'refused',
        reason: `is of type ${type.kind}, which Firn does not write to Kafka in this version`,
      };
  }
}

function partial(value: (raw: string) => string): EnvelopeColumn {
  return { kind: 'carried', value, isTotal: false };
}
