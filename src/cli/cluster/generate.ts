/**
 * `firn generate FILE -o DIR`: writes what a cluster would be told, as files. The folder is Firn's
 * own: what an earlier run wrote and this one does not is removed, nothing else is touched.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { formatTableName } from '../../model/table-schema.ts';
import { textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { withSource } from '../open-pipeline.ts';
import { formatAmount } from '../output/human-text.ts';
import { printable } from '../output/printable.ts';
import { secretReader } from '../secret-reader.ts';

/** Names the files that are Firn's own, one a line, this one not among them. */
const LIST_NAME = '.firn-generated';

/** Exit code 1 when a table cannot be carried, or not loaded as asked: its files are not there. */
export const generate: Command = async (context, input) => {
  const { terminal, clock, random, environment } = context;
  const config = loadPipelineFile(textArgument(input, 0));
  const folder = resolve(textOption(input, 'output') ?? `${config.name}-cluster`);
  const { planPipeline } = await import('../../pipeline/cluster/plan-pipeline.ts');
  const { clusterArtefacts } = await import('../../cluster/cluster-artefacts.ts');
  const parts = { config, clock, random, readSecret: secretReader(environment) };
  const plan = await withSource(context, config, (source) => planPipeline(parts, source));
  const files = clusterArtefacts(plan);
  writeFiles(folder, new Map(files.map(({ path, text }) => [path, text])));
  const { bootstrapObstacle } = await import('../../cluster/spark/load-file.ts');
  const refused = plan.refused.map(({ table, reason }) => {
    return { table: formatTableName(table), reason };
  });
  const unread = plan.tables.flatMap((table) => {
    const reason = bootstrapObstacle(plan, table);
    return reason === null ? [] : [{ table: formatTableName(table.schema.table), reason }];
  });
  const tables = plan.tables.map(({ schema }) => formatTableName(schema.table));
  terminal.document({
    pipeline: config.name,
    folder,
    files: files.map(({ path }) => path),
    tables,
    refused,
    unread,
  });
  const tell = (what: string, { table, reason }: (typeof refused)[number]): void => {
    terminal.line(`${terminal.paint('bad', what)} ${printable(table)}: ${printable(reason)}`);
  };
  for (const one of refused) tell('left out', one);
  for (const one of unread) tell('not loaded', one);
  const count = formatAmount(files.length, 'file');
  const shown = printable(relative('.', folder) || '.');
  terminal.line(`wrote ${count} for ${formatAmount(tables.length, 'table')} to ${shown}`);
  return refused.length + unread.length === 0 ? EXIT.done : EXIT.no;
};

/** Files are written before others are removed; the list names every one of both meanwhile. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  const listFile = join(folder, LIST_NAME);
  const isOurs = existsSync(listFile);
  if (!isOurs && existsSync(folder) && readdirSync(folder).length > 0) {
    const what = 'the folder is not empty, and firn generate has not written it';
    throw new FirnError('CLUSTER-OUTPUT-TAKEN', { what, where: folder });
  }
  const before = isOurs ? readFileSync(listFile, 'utf8').split('\n') : [];
  mkdirSync(folder, { recursive: true });
  const all = [...new Set([...before.filter(isSafe), ...files.keys()])].toSorted();
  // Whatever is interrupted: what was written is on the list, and the next run goes on.
  writeFileSync(listFile, `${all.join('\n')}\n`);
  for (const [path, text] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const path of all) if (!files.has(path)) rmSync(join(folder, path), { force: true });
  writeFileSync(listFile, `${[...files.keys()].join('\n')}\n`);
}

/** A line of the list that cannot lead out of the folder, whoever wrote it. */
function isSafe(path: string): boolean {
  return (
    /^[A-Za-z0-9._~-]+(?:\/[A-Za-z0-9._~-]+)*$/.test(path) && !/(?:^|\/)\.\.?(?:\/|$)/.test(path)
  );
}
