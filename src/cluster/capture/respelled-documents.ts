/** Which columns hold JSON in another spelling than the source's. */
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { parseSourceType } from '../../mysql/source-type.ts';

/**
 * Columns, by name, whose changes come through Debezium as documents that it has written anew.
 * MySQL keeps JSON in binary, so the text is whoever's reads it; MariaDB keeps the text itself.
 */
export function respelledDocuments(
  { engine, source }: Pick<PipelineConfig, 'engine' | 'source'>,
  { columns }: TableSchema,
): readonly string[] {
  const isDebezium =
    source.type === 'debezium' || (source.type === 'mysql' && engine === 'cluster');
  if (!isDebezium) return [];
  return columns.flatMap(({ name, sourceType }) => {
    return parseSourceType(sourceType).name === 'json' ? [name] : [];
  });
}
