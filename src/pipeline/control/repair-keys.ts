/**
 * Repair: keys that differ are read from the source again and go through the ledger as re-reads
 * (docs/spec/pipeline.md P14), never straight into the base.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { RowBatch } from '../../model/change-batch.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { Column, TableSchema } from '../../model/table-schema.ts';
import type { CapturedTable } from '../captured-table.ts';
import { mergeTable } from '../merge-runner.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';

/** Reads these keys again, appends what they are now, and merges it. */
export async function rereadKeys(
  parts: PipelineParts,
  run: RunState,
  request: {
    readonly table: CapturedTable;
    /** Key columns as text, in key order, as a proof names them. */
    readonly keys: readonly (readonly string[])[];
  },
): Promise<{ readonly reread: number }> {
  const { table, keys } = request;
  const { schema } = table;
  const changes = await parts.source.readKeys({
    keys: keyBatch(schema, keys),
    epoch: run.epoch,
  });
  const seq = changes.seq[0] ?? 0n;
  // Held back until the ledger is complete to the mark that the re-reads carry (spec O10).
  await run.ledgerReaches(table, { epoch: run.epoch, seq }, run.restart.signal);
  await run.inStream(() => run.stage.appendRereads(changes));
  table.unmerged = true;
  await mergeTable(parts, run, table);
  return { reread: changes.rowCount };
}

function keyBatch(schema: TableSchema, keys: readonly (readonly string[])[]): RowBatch {
  const order = keyColumns(schema);
  const columns = schema.columns.map((column) => {
    const builder = new ColumnBuilder(column.type);
    const at = order.indexOf(column);
    for (const key of keys) appendKeyText(builder, column, at < 0 ? null : (key[at] ?? null));
    return builder.finish();
  });
  return { schema, rowCount: keys.length, columns };
}

function appendKeyText(builder: ColumnBuilder, column: Column, text: string | null): void {
  if (text === null) return builder.appendNull();
  switch (column.type.kind) {
    case 'int':
      return builder.appendNumber(Number.parseInt(text, 10));
    case 'long':
      return builder.appendBigInt(BigInt(text));
    case 'decimal':
      return builder.appendBigInt(BigInt(text.replace('.', '')));
    case 'string':
      return builder.appendString(text);
    case 'binary':
    case 'fixed':
      return builder.appendBytes(bytesOf(text));
    default:
      throw unsupportedKey(column.type);
  }
}

/** Bytes from DuckDB's text of a BLOB: printable ASCII as it is, the rest as `\xNN`. */
function bytesOf(text: string): Uint8Array {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    if (text.startsWith('\\x', index)) {
      bytes.push(Number.parseInt(text.slice(index + 2, index + 4), 16));
      index += 3;
    } else {
      bytes.push(text.charCodeAt(index));
    }
  }
  return Uint8Array.from(bytes);
}

function unsupportedKey(type: ColumnType): FirnError {
  return new FirnError('PIPELINE-REQUEST-FAILED', {
    what: `Keys of type ${type.kind} cannot be repaired one by one.`,
    remedy: 'Load the table again: firn bootstrap FILE --table T.',
  });
}
