/**
 * From a declared type to the type in the lake. SQLite's own rules decide (sqlite.org, "Datatypes In
 * SQLite", 3.1 Determination Of Column Affinity): INTEGER is long, REAL double, TEXT string, BLOB
 * binary. NUMERIC, ANY and columns without a type can hold anything and become text that keeps the
 * storage classes apart.
 */
import type { MisfitPolicy } from '../../config/pipeline-config.ts';
import type { ColumnType } from '../../model/column-type.ts';
import type { LiteralClass } from './sqlite-value.ts';

/** How values of a column travel. */
export type Carriage =
  | { readonly kind: 'long' }
  | { readonly kind: 'double' }
  | { readonly kind: 'string' }
  | { readonly kind: 'binary' }
  /** Any value in its text form. */
  | { readonly kind: 'literal'; readonly literalClass: LiteralClass };

/** How values of a column of this declared type travel under this policy. */
export function carriageOf(declared: string, onMisfit: MisfitPolicy): Carriage {
  const carriage = carriageOfDeclared(declared.toUpperCase());
  if (onMisfit !== 'text' || carriage.kind === 'literal') return carriage;
  return { kind: 'literal', literalClass: carriage.kind === 'string' ? 'text' : 'any' };
}

/** Type of a column in the lake. */
export function carriedType(carriage: Carriage): ColumnType {
  return carriage.kind === 'literal' ? { kind: 'string' } : { kind: carriage.kind };
}

function carriageOfDeclared(declared: string): Carriage {
  if (declared.includes('INT')) return { kind: 'long' };
  if (/CHAR|CLOB|TEXT/.test(declared)) return { kind: 'string' };
  if (declared.includes('BLOB')) return { kind: 'binary' };
  if (/REAL|FLOA|DOUB/.test(declared)) return { kind: 'double' };
  return { kind: 'literal', literalClass: 'any' };
}
