/** Removing a table's lake tables and state, to start over. The source is not touched. */
import { baseIdentifier } from '../../base/base-table.ts';
import { deadLetterIdentifier } from '../../cluster/dead-letter-table.ts';
import { ledgerIdentifier } from '../../ledger/ledger-table.ts';
import { isOwnFolder } from '../../lake/table-locations.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { readHalts, writeHalts } from '../state/halts.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { SchemaStore } from '../state/schema-store.ts';

/**
 * Drops base, ledger and dead letters from the catalog, forgets schema and halt, then removes the
 * files. The catalog goes first: a crash in between leaves files that nobody names, never a table
 * without files.
 */
export async function dropTable(
  parts: Pick<PipelineParts, 'catalog' | 'store' | 'state'>,
  schemas: SchemaStore,
  schema: TableSchema,
): Promise<void> {
  const folders: string[] = [];
  const ledger = ledgerIdentifier(schema);
  const tables = [baseIdentifier(schema), ledger, deadLetterIdentifier(ledger)];
  for (const identifier of tables) {
    const table = await parts.catalog.loadTable(identifier);
    if (table === null) continue;
    const { location, properties } = table.metadata;
    // A folder that Firn did not make may hold more than this table.
    if (isOwnFolder(location) && properties['gc.enabled'] !== 'false') folders.push(location);
    await parts.catalog.dropTable(identifier);
  }
  await schemas.forget(schema.table);
  const halts = await readHalts(parts.state);
  if (halts.delete(formatTableName(schema.table))) await writeHalts(parts.state, halts);
  for (const folder of folders) {
    for await (const object of parts.store.list(folder)) await parts.store.remove(object.location);
  }
}
