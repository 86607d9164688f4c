/** Ownership of a pipeline and the way to its owner. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FirnError } from '../../kernel/firn-error.ts';
import { listenForRequests, sendRequest } from './control-socket.ts';
import { ownershipPaths, takeOwnership } from './ownership.ts';

const runtimeFolder = mkdtempSync(join(tmpdir(), 'firn-own-'));
after(() => rmSync(runtimeFolder, { recursive: true, force: true }));

test('spec: P1, P2 — one owner at a time, across processes, and a killed one leaves no lock', async () => {
  const key = { runtimeFolder, catalogId: 'catalog', pipeline: 'shop' };
  const script = `import { takeOwnership } from ${JSON.stringify(join(import.meta.dirname, 'ownership.ts'))};
    console.log(takeOwnership(${JSON.stringify(key)}) === null ? 'refused' : 'owned');
    setInterval(() => {}, 1000);`;
  const file = join(runtimeFolder, 'owner.mjs');
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told] = (await once(child.stdout, 'data')) as readonly unknown[];
  assert.equal(String(told).trim(), 'owned');
  assert.equal(takeOwnership(key), null);
  assert.notEqual(takeOwnership({ ...key, pipeline: 'other' }), null);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const owned = takeOwnership(key);
  assert.notEqual(owned, null);
  owned?.release();
  owned?.release();
});

test('spec: P3 — a request reaches the owner, with progress, result and its own words on failure', async () => {
  const { socketPath } = ownershipPaths({ runtimeFolder, catalogId: 'c', pipeline: 'p' });
  assert.equal(
    await sendRequest(socketPath, { command: 'merge', arguments: {} }, () => undefined),
    null,
  );
  const server = await listenForRequests(socketPath, (request, progress) => {
    progress('half way');
    if (request.command === 'merge') return Promise.resolve({ told: request.arguments });
    throw new FirnError('PIPELINE-UNKNOWN-TABLE', { what: 'There is no table x.' });
  });
  const heard: string[] = [];
  const answer = await sendRequest(
    socketPath,
    { command: 'merge', arguments: { table: 'orders' } },
    (text) => heard.push(text),
  );
  assert.deepEqual(answer, { result: { told: { table: 'orders' } } });
  assert.deepEqual(heard, ['half way']);
  await assert.rejects(
    sendRequest(socketPath, { command: 'drop', arguments: {} }, () => undefined),
    /PIPELINE-UNKNOWN-TABLE: There is no table x/,
  );
  await server.close();
});
