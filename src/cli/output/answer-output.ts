/**
 * Answers of queries as a table, CSV or JSON. They are the user's data: complete, never redacted;
 * only the table form makes values harmless for a terminal and cuts wide ones.
 */
import { unreachable } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import type { QueryAnswer } from '../../ports/row-engine.ts';
import { textOption } from '../command.ts';
import type { CommandContext, CommandInput } from '../command.ts';
import { formatAmount } from './human-text.ts';
import { printable } from './printable.ts';
import { textTable } from './text-table.ts';

/** Form of an answer. */
export type AnswerFormat = 'table' | 'csv' | 'json';

/** Rows that decide the widths of a table; longer answers go on with a new head. */
const TABLE_ROWS = 2000;

/** Types whose text is a JSON number as it stands. */
const NUMBER_TYPE = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL.*)$/;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The form asked for with `--format` or `--json`; a table when neither was given. */
export function answerFormat(input: CommandInput): AnswerFormat {
  const format = textOption(input, 'format') ?? (input.options['json'] === true ? 'json' : 'table');
  if (format === 'table' || format === 'csv' || format === 'json') return format;
  throw new FirnError('CONFIG-USAGE', { what: '--format takes table, csv or json' });
}

/** Writes an answer; stops early when the signal aborts. Gives the number of rows written. */
export async function writeAnswer(
  context: CommandContext,
  answer: QueryAnswer,
  options: { readonly format: AnswerFormat; readonly more?: Readonly<Record<string, unknown>> },
): Promise<number> {
  switch (options.format) {
    case 'csv':
      return writeCsv(context, answer);
    case 'json':
      return writeJson(context, answer, options.more ?? {});
    case 'table':
      return writeTable(context, answer);
    default:
      return unreachable(options.format);
  }
}

async function writeTable(context: CommandContext, answer: QueryAnswer): Promise<number> {
  const { terminal, signal } = context;
  const columns = answer.columns.map(({ name, type }) => ({
    title: printable(name),
    align: NUMBER_TYPE.test(type) ? ('right' as const) : ('left' as const),
  }));
  let count = 0;
  let waiting: (readonly string[])[] = [];
  const flush = async (): Promise<void> => {
    if (waiting.length === 0 && count > 0) return;
    const [head = '', ...lines] = textTable(columns, waiting);
    await terminal.data(`${[terminal.paint('strong', head), ...lines].join('\n')}\n`);
    waiting = [];
  };
  for await (const rows of answer.rows) {
    if (signal.aborted) break;
    count += rows.length;
    for (const row of rows) {
      waiting.push(row.map((value) => (value === null ? 'NULL' : printable(value))));
      if (waiting.length === TABLE_ROWS) await flush();
    }
  }
  await flush();
  terminal.note(terminal.paint('quiet', formatAmount(count, 'row')));
  return count;
}

function csvCell(value: string | null): string {
  if (value === null) return '';
  // An empty text is quoted, so that it differs from NULL.
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

async function writeCsv(context: CommandContext, answer: QueryAnswer): Promise<number> {
  const { terminal, signal } = context;
  await terminal.data(`${answer.columns.map(({ name }) => csvCell(name)).join(',')}\n`);
  let count = 0;
  for await (const rows of answer.rows) {
    if (signal.aborted) break;
    count += rows.length;
    await terminal.data(rows.map((row) => `${row.map(csvCell).join(',')}\n`).join(''));
  }
  return count;
}

function jsonValue(value: string | null, type: string): string {
  if (value === null) return 'null';
  if (type === 'BOOLEAN' && (value === 'true' || value === 'false')) return value;
  return NUMBER_TYPE.test(type) && JSON_NUMBER.test(value) ? value : JSON.stringify(value);
}

/** Column names as keys: a repeated one gets a number, so that no value is lost. */
function keysOf(answer: QueryAnswer): readonly string[] {
  const seen = new Map<string, number>();
  return answer.columns.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return JSON.stringify(times === 1 ? name : `${name}_${times}`);
  });
}

/** One document, written as the rows come: no answer is too large for it. */
async function writeJson(
  context: CommandContext,
  answer: QueryAnswer,
  more: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { terminal, signal } = context;
  const keys = keysOf(answer);
  const head = stringifyJson({ ...more, columns: answer.columns }).slice(0, -1);
  await terminal.data(`${head},"rows":[`);
  let count = 0;
  for await (const rows of answer.rows) {
    if (signal.aborted) break;
    for (const row of rows) {
      const fields = row.map(
        (value, index) =>
          `${keys[index] ?? '""'}:${jsonValue(value, answer.columns[index]?.type ?? '')}`,
      );
      await terminal.data(`${count === 0 ? '' : ','}\n{${fields.join(',')}}`);
      count += 1;
    }
  }
  await terminal.data(`${count === 0 ? '' : '\n'}]}\n`);
  return count;
}
