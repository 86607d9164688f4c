/** Makes a pipeline file for a source: asks the source what it has, writes it down, commented. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { parsePipelineFile } from '../config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import { renderPipelineFile } from '../config/render-pipeline-file.ts';
import type { NewPipelineFile } from '../config/render-pipeline-file.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { unreachable } from '../kernel/assert.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableName } from '../model/table-schema.ts';
import type { CommandContext } from './command.ts';
import { formatAmount, formatCount } from './output/human-text.ts';
import { withSource } from './open-pipeline.ts';
import { passwordVariable } from './server-address.ts';
import { formatSource } from './source-argument.ts';
import type { SourceArgument } from './source-argument.ts';

/** What to write, and where. */
export interface NewPipeline {
  readonly source: SourceArgument;
  /** Absolute path of the file to write; there must be none yet. */
  readonly fileName: string;
  /** Warehouse as written in the file. */
  readonly warehouse: string;
  /** Only these tables, names or patterns; `null`: all that the source has. */
  readonly tables: readonly string[] | null;
}

/**
 * Writes the pipeline file and gives what it means.
 *
 * @throws {FirnError} PIPELINE-NO-TABLES, CONFIG-FILE-EXISTS, CONFIG-WRITE-FAILED, SOURCE-…
 */
export async function writeNewPipeline(
  context: CommandContext,
  request: NewPipeline,
): Promise<PipelineConfig> {
  const { fileName, warehouse } = request;
  const { name } = request.source;
  const source = sourceSection(context, request);
  const draft = (tables: NewPipelineFile['tables']): string =>
    renderPipelineFile({ name, source, tables, warehouse });
  const everything = draft([{ name: everyTable(request.source), note: '', included: true }]);
  const found = await withSource(
    withPassword(context, request.source),
    parsePipelineFile(everything, fileName),
    (opened) => opened.discover(),
  );
  const text = draft(chosenTables(found, request));
  writeNew(fileName, text);
  return parsePipelineFile(text, fileName);
}

/** The source as the pipeline file has it: a password becomes the way to it. */
function sourceSection(
  context: CommandContext,
  request: Pick<NewPipeline, 'source' | 'fileName'>,
): NewPipelineFile['source'] {
  const { source } = request;
  const folder = dirname(request.fileName);
  switch (source.type) {
    case 'sqlite':
      return { type: source.type, path: pathIn(folder, source.path) };
    case 'mysql': {
      const { type, host, port, user, password, tls, tlsCa, name } = source;
      const variable = passwordVariable(name);
      const hasPassword = password !== null || context.environment[variable] !== undefined;
      return {
        type,
        host,
        port,
        user,
        ...(hasPassword ? { password: { kind: 'env', name: variable } } : {}),
        ...(tls === 'verify' ? {} : { tls }),
        ...(tlsCa === null ? {} : { tlsCa: pathIn(folder, tlsCa) }),
      };
    }
    default:
      return unreachable(source);
  }
}

/** Pattern of all tables of a source. */
function everyTable(source: SourceArgument): string {
  return source.type === 'sqlite' ? '*' : `${source.database ?? '*'}.*`;
}

/** A table as the pipeline file names it. */
function tableText(source: SourceArgument, table: TableName): string {
  return source.type === 'sqlite' ? table.table : formatTableName(table);
}

/** A name after `--tables`: in the database of the address, unless it says which. */
function wantedText(source: SourceArgument, name: string): string {
  if (source.type === 'sqlite' || source.database === null || name.includes('.')) return name;
  return `${source.database}.${name}`;
}

/** The shorter way to say a path: relative to `folder` unless it lies far away. */
function pathIn(folder: string, path: string): string {
  const near = relative(folder, path);
  if (near.startsWith('../../..') || near === '') return path;
  return near.startsWith('.') ? near : `./${near}`;
}

function chosenTables(
  found: readonly SourceTable[],
  request: NewPipeline,
): NewPipelineFile['tables'] {
  if (found.length === 0) {
    throw new FirnError('PIPELINE-NO-TABLES', {
      what: 'the database has no tables that can be copied',
      where: formatSource(request.source),
      remedy: 'Create a table in it first.',
    });
  }
  const { source } = request;
  const names = new Map(found.map((table) => [tableText(source, table.table), table]));
  const wanted = request.tables?.map((name) => wantedText(source, name)) ?? null;
  if (wanted === null) {
    return found.map((table) => ({
      name: tableText(source, table.table),
      note: noteFor(table),
      included: true,
    }));
  }
  const missing = wanted.filter((name) => !name.includes('*') && !names.has(name));
  const known = [...names.keys()].join(', ');
  if (missing.length > 0) {
    throw new FirnError('PIPELINE-NO-TABLES', {
      what: `the database has no table ${missing.join(', ')}; it has ${known}`,
      where: formatSource(request.source),
      remedy: 'Correct the names after --tables, or leave it out to copy all tables.',
    });
  }
  return wanted.map((name) => {
    const table = names.get(name);
    return { name, note: table === undefined ? 'pattern' : noteFor(table), included: true };
  });
}

function noteFor(table: SourceTable): string {
  const rows = table.rowsEstimate;
  const size = rows === null ? '' : `, about ${formatCount(rows)} ${rows === 1n ? 'row' : 'rows'}`;
  const columns = formatAmount(table.columns.length, 'column');
  if (table.ledgerOnlyReason !== null)
    return `${columns}${size}; ledger only: ${table.ledgerOnlyReason}`;
  const key = table.keyColumns.length === 0 ? 'no key' : `key ${table.keyColumns.join(', ')}`;
  return `${columns}, ${key}${size}`;
}

function writeNew(fileName: string, text: string): void {
  try {
    mkdirSync(dirname(fileName), { recursive: true });
    writeFileSync(fileName, text, { flag: 'wx' });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'EEXIST') {
      const what = 'there is a file of this name already, and it is not overwritten';
      throw new FirnError('CONFIG-FILE-EXISTS', { what, where: fileName, cause });
    }
    const what = `the pipeline file cannot be written (${code})`;
    throw new FirnError('CONFIG-WRITE-FAILED', { what, where: fileName, cause });
  }
}

/**
 * The world of a command in which the pipeline file's variable holds the password of the address:
 * it serves this process from memory and is written nowhere.
 *
 * @param variable under which the pipeline file looks for it; by default the one of `init`
 */
export function withPassword(
  context: CommandContext,
  source: SourceArgument,
  variable = passwordVariable(source.name),
): CommandContext {
  if (source.type !== 'mysql' || source.password === null) return context;
  return { ...context, environment: { ...context.environment, [variable]: source.password } };
}

/** Says how later runs get the password of the address, when it had one. */
export function tellPassword(context: CommandContext, source: SourceArgument): void {
  if (source.type !== 'mysql' || source.password === null) return;
  const variable = passwordVariable(source.name);
  if (context.environment[variable] === source.password) return;
  context.terminal.line(`the password was not written; later runs take it from the environment:`);
  context.terminal.line(`  export ${variable}=...`);
}
