/**
 * Types of columns and Iceberg fields as DuckDB has them. One to one: a value has the same bits in
 * a column vector, in DuckDB and in Parquet.
 */
import type * as Api from '@duckdb/node-api';
import { unreachable } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { formatType } from '../../iceberg/iceberg-type.ts';
import type { IcebergType, PrimitiveType } from '../../iceberg/iceberg-type.ts';
import type { ColumnType } from '../../model/column-type.ts';

/** DuckDB's name of an Iceberg type. */
export function duckdbTypeName(type: IcebergType): string {
  switch (type.kind) {
    case 'struct': {
      const fields = type.fields.map(
        (field) => `${quoteIdentifier(field.name)} ${duckdbTypeName(field.type)}`,
      );
      return `STRUCT(${fields.join(', ')})`;
    }
    case 'list':
      return `${duckdbTypeName(type.element)}[]`;
    case 'map':
      return `MAP(${duckdbTypeName(type.key)}, ${duckdbTypeName(type.value)})`;
    default:
      return primitiveName(type);
  }
}

function primitiveName(type: PrimitiveType): string {
  switch (type.kind) {
    case 'boolean':
      return 'BOOLEAN';
    case 'int':
      return 'INTEGER';
    case 'long':
      return 'BIGINT';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`;
    case 'date':
      return 'DATE';
    case 'time':
      return 'TIME';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'timestamptz':
      return 'TIMESTAMP WITH TIME ZONE';
    case 'timestamp_ns':
      return 'TIMESTAMP_NS';
    case 'string':
      return 'VARCHAR';
    case 'uuid':
      return 'UUID';
    case 'fixed':
    case 'binary':
      return 'BLOB';
    case 'unknown':
      return 'INTEGER';
    case 'timestamptz_ns':
      throw new FirnError('ICEBERG-TYPE-UNSUPPORTED', {
        what: `${formatType(type)} has no equal in DuckDB`,
      });
    default:
      return unreachable(type);
  }
}

/** DuckDB's type object for vectors of a column type. */
export function duckdbVectorType(api: typeof Api, type: ColumnType): Api.DuckDBType {
  switch (type.kind) {
    case 'boolean':
      return api.BOOLEAN;
    case 'int':
      return api.INTEGER;
    case 'long':
      return api.BIGINT;
    case 'float':
      return api.FLOAT;
    case 'double':
      return api.DOUBLE;
    case 'decimal':
      return api.DECIMAL(type.precision, type.scale);
    case 'date':
      return api.DATE;
    case 'timestamp':
      return api.TIMESTAMP;
    case 'timestamptz':
      return api.TIMESTAMPTZ;
    case 'string':
      return api.VARCHAR;
    case 'uuid':
      return api.UUID;
    case 'fixed':
    case 'binary':
      return api.BLOB;
    default:
      return unreachable(type);
  }
}
