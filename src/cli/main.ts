/** Entry point of the program: checks the Node version, then hands over to the commands. */
import process from 'node:process';
import { nodeVersionProblem } from './node-version.ts';

const problem = nodeVersionProblem(process.version);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
const { runProgram } = await import('./run-program.ts');
const exitCode = await runProgram(process.argv.slice(2));
// Leaving at once would cut off what a slow reader of a pipe has not taken yet.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
process.exit(exitCode);
