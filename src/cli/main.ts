/** Entry point of the program: checks the Node version, then hands over to the commands. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { nodeVersionProblem } from './node-version.ts';

const problem = nodeVersionProblem(process.version);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
// Rows are in arrays outside of JavaScript's heap, which stays near 20 MB. Left alone, V8 takes
// the arrays of a few MB that come and go for a reason to mark all of that heap, several times a
// second: a fifth of the processor time of a first copy. Four times the live heap is V8's own upper
// bound.
setFlagsFromString('--heap-growing-percent=300');
const { runProgram } = await import('./run-program.ts');
const exitCode = await runProgram(process.argv.slice(2));
// Leaving at once would cut off what a slow reader of a pipe has not taken yet.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve());
  });
}
process.exit(exitCode);
