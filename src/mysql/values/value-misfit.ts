/**
 * What happens to a value that its column in the lake cannot hold: the table halts by name, or NULL
 * is stored, as the pipeline file says. Messages name the column and the reason, never the value.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { ColumnBuilder } from '../../model/column-builder.ts';

/** Appends what the policy puts in place of a value, or throws. */
export type Misfit = (builder: ColumnBuilder, reason: string) => void;

/**
 * The policy of a column as a function.
 *
 * @throws {FirnError} SOURCE-VALUE-MISFIT, when called with policy `halt`
 */
export function misfitOf(column: string, onMisfit: 'halt' | 'null'): Misfit {
  if (onMisfit === 'null') return (builder) => builder.appendNull();
  return (_builder, reason) => {
    // Who reads of a halt sees only what happened: the column belongs to that.
    throw new FirnError('SOURCE-VALUE-MISFIT', { what: `Column ${column}: ${reason}` });
  };
}

/** The error for bytes that are no value of the column's type. */
export function damagedValue(column: string, what: string): FirnError {
  return new FirnError('VALUE-DAMAGED', { what: `Column ${column}: ${what}` });
}

/** The error for a log and a schema that disagree on a column. */
export function typeDiffers(column: string, what: string): FirnError {
  return new FirnError('VALUE-TYPE-DIFFERS', { what: `Column ${column}: ${what}` });
}
