/** The help of the program and of each command as one page, as a terminal shows it. */
import { COMMAND_GROUPS } from '../src/cli/declarations.ts';
import { parseLine } from '../src/cli/program.ts';

async function help(...words: readonly string[]): Promise<string> {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  await parseLine([...words, '--help'], { out: write, error: write }, '0');
  return text;
}

/** All help texts; hidden commands have none. */
export async function helpPages(): Promise<string> {
  const names = COMMAND_GROUPS.flatMap(([, commands]) => commands)
    .filter(({ hidden }) => hidden !== true)
    .map(({ name }) => name);
  const pages = [await help()];
  for (const name of names) pages.push(`$ firn ${name} --help\n${await help(name)}`);
  return pages.join('\n');
}
