/**
 * A process that waits for a line on its standard input and then tries to be the one that writes
 * `location`. Prints the answer. Arguments: the store's folder, the location, the content.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';

const [folder = '', location = '', content = ''] = process.argv.slice(2);
const store = createLocalObjectStore({ folder, clock: systemClock, random: systemRandom });
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const answer = await store.write(`${location}-${line}`, Buffer.from(content), { ifAbsent: true });
  process.stdout.write(`${answer}\n`);
}
