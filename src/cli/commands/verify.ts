/** `firn verify FILE`: proves that bases equal their source, or names the keys that differ. */
import type { TableProof } from '../../pipeline/view/verify-tables.ts';
import type { KeyDifference } from '../../ports/row-engine.ts';
import { flagOption, textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { LOAD_AGAIN, deadLettersText } from '../output/dead-letters-text.ts';
import { formatAmount, formatCount } from '../output/human-text.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';
import type { Terminal } from '../output/terminal.ts';

/** Keys shown to people per table; `--json` has all that were named. */
const KEYS_SHOWN = 10;

/** Exit code 1 when a difference was found, or nothing could be compared. */
export const verify: Command = async (context, input) => {
  const { terminal } = context;
  const options = { table: textOption(input, 'table'), repair: flagOption(input, 'repair') };
  terminal.progress('verify', ['comparing every row of the source with the lake']);
  const report = await withExistingPipeline(context, textArgument(input, 0), (service) =>
    service.verify(options),
  );
  terminal.endProgress();
  terminal.document(report);
  const width = Math.max(0, ...report.tables.map(({ table }) => table.length));
  for (const proof of report.tables) showProof(terminal, proof, width);
  if (report.equal)
    terminal.line(`${terminal.paint('good', 'equal')}: the lake holds what the source holds`);
  else
    terminal.line(
      `${terminal.paint('bad', 'not proven equal')}: ${nextStep(report.tables, options.repair)}`,
    );
  if (context.signal.aborted) return EXIT.interrupted;
  return report.equal ? EXIT.done : EXIT.no;
};

function showProof(terminal: Terminal, proof: TableProof, width: number): void {
  const name = printable(proof.table).padEnd(width);
  if (proof.kind === 'skipped') {
    terminal.line(
      `${name}  ${terminal.paint('warning', 'not compared')}: ${printable(proof.reason)}`,
    );
    return;
  }
  if (proof.kind === 'failed') {
    const { reason, code, remedy } = proof;
    const head = terminal.paint('bad', 'not compared');
    terminal.line(`${name}  ${head}: ${printable(reason)} [${code}]`);
    terminal.line(`    next: ${remedy}`);
    return;
  }
  showComparison(terminal, proof, name);
  if (proof.deadLetters !== null && proof.deadLetters > 0) {
    const head = terminal.paint('bad', 'set aside');
    terminal.line(`    ${head}: ${deadLettersText(proof.deadLetters)}`);
    terminal.line(`    next: ${LOAD_AGAIN}`);
  }
  if (proof.halted === null) return;
  const { what, code, remedy } = proof.halted;
  terminal.line(`    ${terminal.paint('bad', 'halted')}: ${printable(what)} [${code}]`);
  terminal.line(`    next: ${printable(remedy)}`);
}

function showComparison(
  terminal: Terminal,
  proof: Extract<TableProof, { kind: 'compared' }>,
  name: string,
): void {
  const { sourceRows, baseRows, settled, differences, differencesTotal } = proof.result;
  const settledText = settled === 0 ? '' : `, ${formatCount(settled)} settled by the ledger`;
  const inSource = `${formatCount(sourceRows)} rows in the source`;
  const rows = `${inSource}, ${formatCount(baseRows)} in the base${settledText}`;
  if (proof.equal) {
    const at = terminal.paint('quiet', `at ${proof.sourceMark}`);
    terminal.line(`${name}  ${terminal.paint('good', 'equal')}      ${rows}  ${at}`);
    return;
  }
  const count = formatAmount(differencesTotal, 'key');
  terminal.line(
    `${name}  ${terminal.paint('bad', 'different')}  ${rows}; ${count} ${differencesTotal === 1 ? 'differs' : 'differ'}`,
  );
  for (const difference of differences.slice(0, KEYS_SHOWN)) {
    terminal.line(`    ${differenceLine(difference)}`);
  }
  const more = differencesTotal - Math.min(KEYS_SHOWN, differences.length);
  if (more > 0) terminal.line(`    and ${formatCount(more)} more`);
  if (proof.ledgerBehind) {
    terminal.line('    the ledger does not reach this point of the source yet');
  }
}

function differenceLine({ key, kind, columns }: KeyDifference): string {
  const shown = key.map(printable).join(', ');
  switch (kind) {
    case 'missing-in-base':
      return `${shown}: missing in the base`;
    case 'missing-in-source':
      return `${shown}: in the base, not in the source`;
    default:
      return `${shown}: differs in ${columns.map(printable).join(', ')}`;
  }
}

function nextStep(tables: readonly TableProof[], repaired: boolean): string {
  if (tables.some((proof) => proof.kind === 'failed')) return 'a table could not be read';
  const compared = tables.filter((proof) => proof.kind === 'compared');
  if (compared.length === 0) return 'nothing could be compared';
  if (compared.some((proof) => !proof.equal && proof.halted !== null)) {
    return 'a halted table stands where it stopped; what is said of it comes first';
  }
  if (compared.some((proof) => !proof.equal && proof.ledgerBehind)) {
    return 'firn status tells whether the pipeline runs; firn run --once reads what is missing';
  }
  return repaired
    ? 'repair did not settle it; firn bootstrap loads a table again'
    : 'firn verify --repair reads these keys again';
}
