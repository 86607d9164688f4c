/** `firn types FILE`: each column's type in source and lake, and what a policy decides. */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { formatColumnType } from '../../model/column-type.ts';
import type { SourceTable } from '../../model/source-event.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { ChangeSource, Finding } from '../../ports/source.ts';
import { ruleFor } from '../../pipeline/state/schema-store.ts';
import { textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { withSource } from '../open-pipeline.ts';
import { findingDocuments, showFindings } from '../output/findings.ts';
import { printable } from '../output/printable.ts';
import { textTable } from '../output/text-table.ts';

interface ColumnDecision {
  readonly column: string;
  readonly lakeColumn: string;
  readonly key: boolean;
  readonly sourceType: string;
  readonly lakeType: string;
  /** What happens to a value that does not fit. */
  readonly onMisfit: string;
  /** What to know of the choice. */
  readonly note: string | null;
}

/** Reads the source only. */
export const columnTypes: Command = async (context, input) => {
  const { terminal } = context;
  const config = loadPipelineFile(textArgument(input, 0));
  const { found, refused } = await withSource(context, config, decisionsAt);
  const tables = found.map((table) => ({
    table: formatTableName(table.table),
    ledgerOnly: table.ledgerOnlyReason,
    excluded: ruleFor(config, table.table)?.exclude ?? [],
    columns: decisionsOf(config, table),
  }));
  terminal.document({ pipeline: config.name, tables, refused: findingDocuments(refused) });
  for (const { table, ledgerOnly, excluded, columns } of tables) {
    const about = ledgerOnly === null ? '' : ` (ledger only: ${printable(ledgerOnly)})`;
    terminal.line(`${terminal.paint('strong', printable(table))}${about}`);
    for (const line of linesOf(columns)) terminal.line(`  ${line}`);
    if (excluded.length > 0) terminal.line(`  left out: ${excluded.map(printable).join(', ')}`);
    terminal.line();
  }
  showFindings(terminal, refused);
  return EXIT.done;
};

/** The tables that can be copied, and what is said of those that cannot. */
async function decisionsAt(
  source: ChangeSource,
): Promise<{ readonly found: readonly SourceTable[]; readonly refused: readonly Finding[] }> {
  const found = await source.discover();
  const names = new Set(found.map(({ table }) => formatTableName(table)));
  const refused = (await source.check()).filter(
    ({ severity, table }) =>
      severity === 'error' && table !== null && !names.has(formatTableName(table)),
  );
  return { found, refused };
}

function decisionsOf(config: PipelineConfig, table: SourceTable): readonly ColumnDecision[] {
  const rule = ruleFor(config, table.table);
  return table.columns.map(({ sourceName, sourceType, type }) => ({
    column: sourceName,
    lakeColumn: rule?.rename[sourceName] ?? sourceName,
    key: table.keyColumns.includes(sourceName),
    sourceType,
    lakeType: formatColumnType(type),
    onMisfit: rule?.columns[sourceName]?.onMisfit ?? 'halt',
    note: table.columnNotes?.get(sourceName) ?? null,
  }));
}

function linesOf(columns: readonly ColumnDecision[]): readonly string[] {
  const isNoted = columns.some(({ note }) => note !== null);
  return textTable(
    [
      { title: 'column', align: 'left' },
      { title: 'key', align: 'left' },
      { title: 'source type', align: 'left' },
      { title: 'lake type', align: 'left' },
      { title: 'a value that does not fit', align: 'left' },
      ...(isNoted ? ([{ title: 'note', align: 'left' }] as const) : []),
    ],
    columns.map(({ column, lakeColumn, key, sourceType, lakeType, onMisfit, note }) => [
      column === lakeColumn
        ? printable(column)
        : `${printable(column)} -> ${printable(lakeColumn)}`,
      key ? 'key' : '',
      sourceType === '' ? '(none)' : printable(sourceType),
      lakeType,
      { halt: 'halts the table', null: 'becomes NULL', text: 'is kept: the column is text' }[
        onMisfit
      ] ?? onMisfit,
      ...(isNoted ? [note ?? ''] : []),
    ]),
  );
}
