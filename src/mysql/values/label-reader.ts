/**
 * ENUM and SET in row images: numbers, of which the table map has the labels. The empty text stands
 * for the number 0, which an ENUM has after a value that was none of its labels: the server shows
 * both alike, and a result set could not tell them apart.
 */
import type { Column } from '../../model/table-schema.ts';
import { decodeText } from '../charset/charset-decoder.ts';
import { charsetOfCollation } from '../charset/collation-charset.ts';
import type { LogColumn } from '../log-column.ts';
import type { SourceType } from '../source-type.ts';
import { damagedValue, typeDiffers } from './value-misfit.ts';
import type { Misfit } from './value-misfit.ts';
import type { ValueReader } from '../value-reader.ts';

const COMMA = 0x2c;

/** A column with labels, by the log and by the schema. */
export interface LabelledColumn {
  readonly log: LogColumn;
  readonly column: Pick<Column, 'name' | 'type'>;
  readonly source: SourceType;
  /** Takes values with labels that are no text. */
  readonly misfit: Misfit;
}

const NO_TEXT = 'A label is not text of its character set.';

/** A reader of ENUM. */
export function enumReader(labelled: LabelledColumn): ValueReader {
  const { column, misfit } = labelled;
  const labels = [new Uint8Array(0), ...labelsOf(labelled)];
  return (bytes, _view, at, end, builder) => {
    const index = (bytes[at] ?? 0) | (end - at > 1 ? (bytes[at + 1] ?? 0) << 8 : 0);
    const label = labels[index];
    if (label === undefined) throw damagedValue(column.name, 'A number is beyond the labels.');
    if (label === null) misfit(builder, NO_TEXT);
    else builder.appendRun(label, 0, label.length);
  };
}

/** A reader of SET: the labels in their declared order, with commas. */
export function setReader(labelled: LabelledColumn): ValueReader {
  const { column, misfit } = labelled;
  const labels = labelsOf(labelled);
  return (bytes, _view, at, end, builder) => {
    const parts: Uint8Array[] = [];
    for (let bit = 0; bit < (end - at) * 8; bit++) {
      if ((((bytes[at + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 0) continue;
      const label = labels[bit];
      if (label === undefined) throw damagedValue(column.name, 'A bit is beyond the labels.');
      if (label === null) return misfit(builder, NO_TEXT);
      if (parts.length > 0) parts.push(Uint8Array.of(COMMA));
      parts.push(label);
    }
    builder.appendBytes(Buffer.concat(parts));
  };
}

/**
 * Labels in UTF-8: the log's own, else those that the schema was declared with; `null` for one that
 * is no text. Those of a binary column are bytes, which are text where they are UTF-8.
 */
function labelsOf({ log, column, source }: LabelledColumn): (Uint8Array | null)[] {
  if (column.type.kind !== 'string') throw typeDiffers(column.name, 'Its source has labels.');
  if (log.labels === null) return source.labels.map((label) => new TextEncoder().encode(label));
  const charset = log.collationId === null ? source.charset : charsetOfCollation(log.collationId);
  const isBytes = charset === null || charset === 'binary';
  return log.labels.map((label) => decodeText(isBytes ? 'utf8mb4' : charset, label));
}
