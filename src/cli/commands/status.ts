/** `firn status FILE`: what the pipeline says about itself, from its owner or as last stored. */
import { formatStatus } from '../../monitor/status-codec.ts';
import type { StatusDocument, TableStatus } from '../../monitor/status-document.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import { textArgument } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { LOAD_AGAIN, deadLettersText } from '../output/dead-letters-text.ts';
import {
  formatAgo,
  formatAmount,
  formatBytes,
  formatCount,
  formatElapsed,
} from '../output/human-text.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';
import type { Tone } from '../output/terminal.ts';
import { textTable } from '../output/text-table.ts';

const TONES: Readonly<Record<TableStatus['state'], Tone>> = {
  waiting: 'quiet',
  bootstrapping: 'warning',
  streaming: 'good',
  'ledger-only': 'good',
  halted: 'bad',
  retired: 'quiet',
};

/** Exit code 0 whatever the state: the question was answered. */
export const status: Command = async (context, input) => {
  const document = await withExistingPipeline(context, textArgument(input, 0), (service) =>
    service.status(),
  );
  context.terminal.document(parseJson(formatStatus(document)));
  if (!context.terminal.json) showStatus(context, document);
  return EXIT.done;
};

function showStatus({ terminal, clock }: CommandContext, document: StatusDocument): void {
  const { owner, halted } = document;
  const nowMs = clock.nowMs();
  const name = terminal.paint('strong', document.pipeline);
  const state =
    owner === null
      ? `not running, as of ${formatAgo(document.updatedAtMs, nowMs)}`
      : `running for ${formatElapsed(nowMs - owner.sinceMs)}, process ${owner.processId}`;
  const behind = owner === null ? '' : behindText(document);
  const kept = keptText(document, nowMs);
  terminal.line(`${name}  ${printable(document.source)}  ${state}${behind}${kept}`);
  terminal.line();
  const lines = tableLines(document.tables, { running: owner !== null, nowMs });
  for (const [index, line] of lines.entries()) {
    const table = document.tables[index - 1];
    // Painted as a whole: colour codes would upset the alignment inside.
    terminal.line(
      table === undefined ? terminal.paint('quiet', line) : painted(terminal, table, line),
    );
  }
  for (const table of document.tables) showProblems(terminal, table, nowMs);
  showDrift(terminal, document);
  if (halted !== null) {
    terminal.line();
    terminal.line(`${terminal.paint('bad', 'halted')} ${halted.code}: ${printable(halted.what)}`);
    terminal.line(`next: ${halted.remedy}`);
  }
}

/** What differs from the pipeline file in the cluster, as it was looked at last. */
function showDrift(terminal: CommandContext['terminal'], { findings }: StatusDocument): void {
  if (findings === null || findings.length === 0) return;
  terminal.line();
  for (const { severity, code, what } of findings) {
    const tone = severity === 'error' ? 'bad' : severity === 'ok' ? 'quiet' : 'warning';
    terminal.line(`${terminal.paint(tone, severity)} ${printable(what)} [${code}]`);
  }
}

function behindText({ lagChanges, lagBytes }: StatusDocument): string {
  if (lagChanges !== null) return `, ${formatCount(lagChanges)} changes to read`;
  return lagBytes === null ? '' : `, ${formatBytes(lagBytes)} of log to read`;
}

/** How long the pipeline, or a halted table of it, may stand still. */
function keptText({ logKeptUntilMs }: StatusDocument, nowMs: number): string {
  if (logKeptUntilMs === null) return '';
  const leftMs = logKeptUntilMs - nowMs;
  return leftMs > 0 ? `, log kept for ${formatElapsed(leftMs)}` : ', log may be purged now';
}

function painted(
  terminal: CommandContext['terminal'],
  { state }: TableStatus,
  line: string,
): string {
  return line.replace(`  ${state}  `, () => `  ${terminal.paint(TONES[state], state)}  `);
}

/** `running`: a lag is only known while somebody looks at the source. */
function tableLines(
  tables: readonly TableStatus[],
  { running, nowMs }: { readonly running: boolean; readonly nowMs: number },
): readonly string[] {
  return textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'state', align: 'left' },
      { title: 'base rows', align: 'right' },
      { title: 'ledger rows', align: 'right' },
      { title: 'unmerged', align: 'right' },
      { title: 'lag', align: 'right' },
      { title: 'files', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'deleted', align: 'right' },
      { title: 'format', align: 'left' },
      { title: 'last proof', align: 'left' },
    ],
    tables.map((table) => [
      printable(table.table),
      table.state,
      table.base === null ? '-' : formatCount(table.base.rows),
      formatCount(table.ledger.rows),
      table.unmergedRows === null ? '-' : formatCount(table.unmergedRows),
      // Nobody reads for a table that stopped: the pipeline's lag is not its own.
      table.lagSeconds === null || !running || isStopped(table)
        ? '-'
        : formatElapsed(table.lagSeconds * 1000),
      formatCount(table.ledger.files + (table.base?.files ?? 0) + (table.base?.deleteFiles ?? 0)),
      formatBytes(table.ledger.sizeBytes + (table.base?.sizeBytes ?? 0)),
      deleteDebt(table),
      typeof table.base?.formatVersion === 'number' ? `v${table.base.formatVersion}` : '-',
      proof(table, nowMs),
    ]),
  );
}

function isStopped({ halted, retired }: TableStatus): boolean {
  return halted !== null || retired !== null;
}

/** Share of rows in data files that are deleted and not yet rewritten. */
function deleteDebt({ base }: TableStatus): string {
  if (base === null) return '-';
  const stored = base.rows + base.deletedRows;
  return stored === 0 ? '0%' : `${Math.round((100 * base.deletedRows) / stored)}%`;
}

function proof({ lastVerify }: TableStatus, nowMs: number): string {
  if (lastVerify === null) return '-';
  const { equal, differences, atMs } = lastVerify;
  const verdict = equal ? 'equal' : `${formatCount(differences)} differ`;
  return `${verdict}, ${formatAgo(atMs, nowMs)}`;
}

function showProblems(
  terminal: CommandContext['terminal'],
  table: TableStatus,
  nowMs: number,
): void {
  const { bootstrap, halted, retired, deadLetters } = table;
  if (bootstrap !== null) {
    const { rows, rowsTotal, rowsPerSecond, etaSeconds, readers } = bootstrap;
    const of = rowsTotal === null ? '' : ` of about ${formatCount(rowsTotal)}`;
    const rate = rowsPerSecond === null ? '' : `, ${formatCount(rowsPerSecond)} rows/s`;
    const eta = etaSeconds === null ? '' : `, ${formatElapsed(etaSeconds * 1000)} to go`;
    const by = readers === null ? '' : `, ${formatAmount(readers, 'reader')}`;
    terminal.line();
    terminal.line(
      `${printable(table.table)}: copying, ${formatCount(rows)}${of} rows${rate}${eta}${by}`,
    );
  }
  if (deadLetters !== null && deadLetters > 0) {
    terminal.line();
    const head = terminal.paint('bad', 'set aside');
    terminal.line(`${head} ${printable(table.table)}: ${deadLettersText(deadLetters)}`);
    terminal.line(`next: ${LOAD_AGAIN}`);
  }
  if (retired !== null) {
    const { what, sinceMs, removedAtMs, remedy } = retired;
    const leftMs = removedAtMs === null ? null : Math.max(0, removedAtMs - nowMs);
    const until = leftMs === null ? '' : `; it is removed in ${formatElapsed(leftMs)}`;
    terminal.line();
    const head = terminal.paint('quiet', 'retired');
    terminal.line(
      `${head} ${printable(table.table)}, ${formatAgo(sinceMs, nowMs)}: ${printable(what)}${until}`,
    );
    terminal.line(`next: ${remedy}`);
  }
  if (halted === null) return;
  terminal.line();
  const head = terminal.paint('bad', 'halted');
  terminal.line(`${head} ${printable(table.table)}: ${printable(halted.what)} [${halted.code}]`);
  terminal.line(`next: ${halted.remedy}`);
}
