/** Which places in the source's log the rows of a file come from, by what its manifest says. */
import { decodeBound } from '../iceberg/single-value.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { SequenceMark } from '../model/change-sequence.ts';

/** Highest `(epoch, seq)` of a file, from the bounds of two columns; `null`: they are not known. */
export function highestMark(
  metadata: TableMetadata,
  { file }: ScanFile,
  columns: { readonly epoch: string; readonly seq: string },
): SequenceMark | null {
  const { fields } = currentSchema(metadata);
  const upper = (name: string): unknown => {
    const field = fields.find((candidate) => candidate.name === name);
    const bytes = field === undefined ? undefined : file.upperBounds?.get(field.id);
    return field === undefined || bytes === undefined ? null : decodeBound(field.type, bytes);
  };
  const epoch = upper(columns.epoch);
  const seq = upper(columns.seq);
  return typeof epoch === 'number' && typeof seq === 'bigint' ? { epoch, seq } : null;
}
