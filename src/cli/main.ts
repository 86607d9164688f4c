/** Entry point of the program: checks the Node version, then hands over to the commands. */
import process from 'node:process';
import { nodeVersionProblem } from './node-version.ts';

const problem = nodeVersionProblem(process.version);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}
process.stdout.write('usage: firn COMMAND [options]\n');
