/**
 * How Spark reads a column of MySQL or MariaDB for the first copy: what it selects there, and what
 * it makes of it, so that the same value is stored as Firn's own reader stores. Only texts of
 * digits, runs of bytes and doubles pass through the driver: nothing of it has a type that the
 * driver or Spark could read its own way. A value that is not what its column says ends the
 * statement, by the column's place (docs/spec/cluster.md E24). Columns for which this is not
 * certain are refused.
 */
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import { formatColumnType } from '../../model/column-type.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { Column, TableSchema } from '../../model/table-schema.ts';
import { isUtf8Set } from '../../mysql/charset/java-text.ts';
import { isBytesType, isCompressed, isTextType, parseSourceType } from '../../mysql/source-type.ts';
import type { SourceType } from '../../mysql/source-type.ts';
import { selectExpression } from '../../mysql/text-reader.ts';
import { sparkText } from './spark-text.ts';

/** What passes through the driver. */
type Passes = 'STRING' | 'BINARY' | 'DOUBLE';

/** A column on its way. */
export type LoadColumn =
  | {
      readonly kind: 'carried';
      /** In the SELECT at the source. */
      readonly select: string;
      /** What of it passes through the driver. */
      readonly passes: Passes;
      /** The lake's value, NULL for what does not fit; `raw` is what passed. `null`: just that. */
      readonly value: ((raw: string) => string) | null;
    }
  /** `reason`: half a sentence that goes on after the column's name. */
  | { readonly kind: 'refused'; readonly reason: string };

/** A statement ends with this mark and a column's place where a value does not fit it. */
export const MISFIT_MARK = 'firn:misfit:';

/** The first date that the lake has. */
const FIRST_DAY = '0001-01-01';

/** What Spark reads of a column. */
export function loadColumn(column: Column): LoadColumn {
  const source = parseSourceType(column.sourceType);
  if (isCompressed(column.sourceType)) return refused('is COMPRESSED');
  const select = selectExpression(column, 'mysql');
  const text = `CAST(${select} AS CHAR)`;
  if (isTextType(source)) return bytesOfText(source, `CAST(${select} AS BINARY)`);
  if (isBytesType(source)) {
    if (column.type.kind !== 'binary') return refused('keeps bytes as text');
    return carried('BINARY', select, null);
  }
  switch (source.name) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'year':
      return numberColumn(column, text);
    case 'decimal':
      return column.type.kind === 'string' ? digits(text) : numberColumn(column, text);
    case 'date':
    case 'datetime':
    case 'timestamp':
    case 'time':
      return timeColumn(column, text);
    default:
      return otherColumn(column, { source, select });
  }
}

/**
 * Why Spark cannot read a table's rows as Firn does, a sentence that names the column; `null`: it
 * can.
 */
export function loadObstacle(schema: TableSchema, rules: readonly TableRule[]): string | null {
  const choice = chooseTable(rules, formatTableName(schema.table));
  for (const column of schema.columns) {
    const found = loadColumn(column);
    const isLenient = choice?.onMisfit(column.sourceName) === 'null';
    const reason =
      found.kind === 'refused'
        ? found.reason
        : isLenient
          ? 'stores NULL for values that do not fit (onMisfit: null), which only Firn’s own reader decides'
          : null;
    if (reason !== null) return `Column ${column.sourceName} ${reason}.`;
  }
  return null;
}

function refused(reason: string): LoadColumn {
  return { kind: 'refused', reason: `${reason}: Spark would not read it exactly as Firn does` };
}

function carried(
  passes: Passes,
  select: string,
  value: ((raw: string) => string) | null,
): LoadColumn {
  return { kind: 'carried', passes, select, value };
}

/** An expression that is NULL where the text is none of the type. */
function tried(raw: string, type: string): string {
  return `try_cast(${raw} AS ${type})`;
}

function numberColumn({ type }: Column, text: string): LoadColumn {
  switch (type.kind) {
    case 'int':
      return carried('STRING', text, (raw) => tried(raw, 'INT'));
    case 'long':
      return carried('STRING', text, (raw) => tried(raw, 'BIGINT'));
    case 'decimal':
      return carried('STRING', text, (raw) => tried(raw, formatColumnType(type)));
    default:
      return refused(`keeps a number as ${type.kind}`);
  }
}

/** More digits than a decimal has, as text; zeros before them are those of ZEROFILL. */
function digits(text: string): LoadColumn {
  const zeros = sparkText('^(-?)0+(?=[0-9])');
  return carried('STRING', text, (raw) => `regexp_replace(${raw}, ${zeros}, '$1')`);
}

function timeColumn({ type, sourceType }: Column, text: string): LoadColumn {
  const isTime = parseSourceType(sourceType).name === 'time';
  // Spark knows a year 0, which the lake does not.
  const since = (raw: string, value: string): string => {
    return `CASE WHEN ${raw} >= '${FIRST_DAY}' THEN ${value} END`;
  };
  switch (type.kind) {
    case 'date':
      return carried('STRING', text, (raw) => since(raw, tried(raw, 'DATE')));
    case 'timestamp':
      return carried('STRING', text, (raw) => since(raw, tried(raw, 'TIMESTAMP_NTZ')));
    case 'timestamptz':
      return carried('STRING', text, (raw) => {
        return since(raw, tried(`concat(${raw}, 'Z')`, 'TIMESTAMP'));
      });
    case 'long':
      return isTime ? carried('STRING', text, spanMicros) : refused('keeps a date as a number');
    default:
      return refused(`keeps a date or time as ${type.kind}`);
  }
}

/** Microseconds of `-838:59:59.000000`. */
function spanMicros(raw: string): string {
  const size = `replace(${raw}, '-', '')`;
  const part = (index: number): string => `split_part(${size}, ':', ${index})`;
  const micros = [
    `CAST(${part(1)} AS BIGINT) * 3600000000`,
    `CAST(${part(2)} AS BIGINT) * 60000000`,
    `CAST(CAST(${part(3)} AS DECIMAL(8, 6)) * 1000000 AS BIGINT)`,
  ].join(' + ');
  const shape = sparkText('^-?[0-9]{2,3}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?$');
  const sign = `CASE WHEN startswith(${raw}, '-') THEN -1 ELSE 1 END`;
  return `CASE WHEN ${raw} RLIKE ${shape} THEN (${sign}) * (${micros}) END`;
}

function otherColumn(
  column: Column,
  { source, select }: { readonly source: SourceType; readonly select: string },
): LoadColumn {
  const { type } = column;
  switch (source.name) {
    case 'enum':
    case 'set':
      return bytesOfText(source, select);
    case 'json':
      return carried('BINARY', `CAST(CAST(${select} AS CHAR) AS BINARY)`, utf8Text);
    case 'float':
    case 'double':
      if (type.kind !== 'float' && type.kind !== 'double') {
        return refused('keeps the digits of a number as text');
      }
      // Cast to text a server shortens some doubles; it sends all of their digits.
      return carried(
        'DOUBLE',
        select,
        type.kind === 'double' ? null : (raw) => tried(raw, 'FLOAT'),
      );
    case 'bit':
      return bits(column, `CAST(${select} + 0 AS CHAR)`);
    default:
      return refused(`is of type ${source.name}`);
  }
}

/** Text passes as its bytes, which are the stored ones: no driver decodes it. */
function bytesOfText({ charset }: SourceType, select: string): LoadColumn {
  if (charset !== null && isUtf8Set(charset)) return carried('BINARY', select, utf8Text);
  return refused(`is of the character set ${charset ?? 'binary'}`);
}

function utf8Text(raw: string): string {
  const text = `CAST(${raw} AS STRING)`;
  return `CASE WHEN is_valid_utf8(${text}) THEN ${text} END`;
}

function bits(column: Column, text: string): LoadColumn {
  if (column.type.kind !== 'boolean') return numberColumn(column, text);
  return carried('STRING', text, (raw) => `CASE ${raw} WHEN '1' THEN true WHEN '0' THEN false END`);
}
