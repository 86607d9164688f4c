/** How the demo's story looks: numbered headlines, quiet details, small tables. */
import type { QueryAnswer } from '../../ports/row-engine.ts';
import { printable } from '../output/printable.ts';
import type { Terminal } from '../output/terminal.ts';
import { textTable } from '../output/text-table.ts';

/** Rows shown of an answer. */
const ROWS_SHOWN = 12;

/** Tells a story line by line. */
export interface StoryTeller {
  /** Begins the next chapter. */
  headline(text: string): void;
  /** A line inside a chapter. */
  detail(text: string): void;
  /** The first rows of an answer; `names`: only these columns. */
  table(answer: QueryAnswer, names?: readonly string[]): Promise<void>;
}

/** A story on a terminal. */
export function createStoryTeller(terminal: Terminal): StoryTeller {
  let chapter = 0;
  const detail = (text: string): void => terminal.line(text === '' ? '' : `    ${text}`);
  return {
    headline: (text) => {
      chapter += 1;
      terminal.line();
      terminal.line(`${String(chapter).padStart(2)}  ${terminal.paint('strong', text)}`);
    },
    detail,
    table: async (answer, names) => {
      const chosen = [...answer.columns.entries()].filter(
        ([, { name }]) => names === undefined || names.includes(name),
      );
      const rows: (readonly string[])[] = [];
      let more = 0;
      for await (const batch of answer.rows) {
        for (const row of batch) {
          if (rows.length < ROWS_SHOWN) {
            rows.push(chosen.map(([index]) => printable(row[index] ?? '')));
          } else more += 1;
        }
      }
      const columns = chosen.map(([, { name, type }]) => ({
        title: name,
        align: type === 'VARCHAR' ? ('left' as const) : ('right' as const),
      }));
      const [head = '', ...lines] = textTable(columns, rows);
      detail(terminal.paint('quiet', head));
      for (const line of lines) detail(line);
      if (more > 0) detail(terminal.paint('quiet', `and ${more} more`));
    },
  };
}
