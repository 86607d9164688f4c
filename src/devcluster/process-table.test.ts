/** Processes and ports as Linux tells of them: ours are told from others. */
import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import {
  identityOf,
  isRunning,
  listenerAt,
  listensAt,
  processesWith,
  residentBytes,
} from './process-table.ts';

const skip = process.platform === 'linux' ? false : 'the cluster needs Linux';

test('a process is known by number, start and boot, never by its number alone', { skip }, () => {
  const own = identityOf(process.pid);
  equal(own !== null && isRunning(own), true);
  if (own === null) return;
  equal(isRunning({ ...own, startTicks: `${own.startTicks}0` }), false);
  equal(isRunning({ ...own, bootId: 'another boot' }), false);
  equal((residentBytes(process.pid) ?? 0) > 1_000_000, true);
  equal(identityOf(2 ** 30), null);
  equal(residentBytes(2 ** 30), null);
});

test('a process that has ended but was not waited for is none', { skip }, async (t) => {
  // The shell never waits for its child, which stays as a zombie.
  const script = 'sleep 0.05 & echo $!; exec sleep 60';
  const shell = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  t.after(() => shell.kill('SIGKILL'));
  const [data] = (await once(shell.stdout, 'data')) as [Buffer];
  const pid = Number.parseInt(data.toString(), 10);
  while (identityOf(pid) !== null) await new Promise((resolve) => setTimeout(resolve, 10));
  process.kill(pid, 0);
});

test('that something listens does not mean that it is ours', { skip }, async (t) => {
  const listener = createServer().listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => stranger.kill('SIGKILL'));
  equal(listensAt(process.pid, port), true);
  equal(listensAt(stranger.pid ?? 0, port), false);
  equal(listenerAt(port)?.pid, process.pid);
  listener.close();
  await once(listener, 'close');
  equal(listenerAt(port), null);
});

test('a process is found by what its environment says', { skip }, async (t) => {
  const env = { FIRN_TEST_MARK: `mark ${process.pid}` };
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore', env });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  equal(processesWith('FIRN_TEST_MARK').get(`mark ${process.pid}`), child.pid);
  equal(processesWith('FIRN_TEST_MAR').size, 0);
});
