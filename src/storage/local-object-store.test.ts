/** The local store obeys the contract of object stores, survives power cuts, and stays inside. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { mock, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  listedNames,
  objectStoreConformance,
  rejectsWith,
} from '../../test/conformance/object-store.ts';
import { systemClock } from '../kernel/clock.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { systemRandom } from '../kernel/random.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { createLocalObjectStore } from './local-object-store.ts';
import { removeStaleTemporaries } from './temporary-file.ts';

const { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } = fsPromises;
const content = Buffer.from('content');

function open(folder: string): ObjectStore {
  return createLocalObjectStore({ folder, clock: systemClock, random: systemRandom });
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-local-store-'));
  try {
    await body(folder);
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
    await rm(folder, { recursive: true });
  }
}

objectStoreConformance('local folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firn-local-store-'));
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  return {
    store: open(join(folder, 'not', 'made yet')),
    scratch,
    close: () => rm(folder, { recursive: true }),
  };
});

test('reads the spellings that other engines use for one file', () =>
  inFolder(async (folder) => {
    const store = open(folder);
    equal(store.root, `file://${folder}`);
    await store.write(`${store.root}/a b/c`, content);
    for (const prefix of ['file://', 'file:', 'FILE://', 'file://localhost', '', 'file:///']) {
      deepEqual(Buffer.from(await store.read(`${prefix}${folder}/a b/c`)), content);
    }
  }));

test('follows no symbolic link out of its folder', () =>
  inFolder(async (top) => {
    const [folder, outside] = [join(top, 'lake'), join(top, 'outside')];
    await mkdir(join(folder, 'real'), { recursive: true });
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(folder, 'link'));
    await symlink(join(outside, 'secret'), join(folder, 'file-link'));
    await symlink(join(outside, 'absent'), join(folder, 'dangling'));
    await symlink(join(folder, 'real'), join(folder, 'inner'));
    const store = open(folder);
    const code = 'STORAGE-OUTSIDE-WAREHOUSE';
    await rejectsWith(code, () => store.read(`${store.root}/link/secret`));
    await rejectsWith(code, () => store.read(`${store.root}/file-link`));
    await rejectsWith(code, () => store.materialise(`${store.root}/file-link`));
    await rejectsWith(code, () => store.write(`${store.root}/link/new`, content));
    await rejectsWith(code, () => store.write(`${store.root}/link/deep/new`, content));
    await rejectsWith(code, () => store.remove(`${store.root}/link/secret`));
    await rejects(store.write(`${store.root}/dangling/new`, content));
    const iterator = store.list(`${store.root}/link`)[Symbol.asyncIterator]();
    await rejectsWith(code, () => iterator.next());
    deepEqual(await readdir(outside), ['secret']);
    await store.write(`${store.root}/inner/kept`, content);
    const found = await listedNames(store, store.root);
    deepEqual(found, [`${store.root}/real/kept`]);
  }));

test('a store opened through a link works under that name', () =>
  inFolder(async (top) => {
    await mkdir(join(top, 'lake'));
    await symlink(join(top, 'lake'), join(top, 'alias'));
    const store = open(join(top, 'alias'));
    await store.write(`${store.root}/a/b`, content);
    deepEqual(Buffer.from(await store.read(`${store.root}/a/b`)), content);
    equal(await readFile(join(top, 'lake/a/b'), 'utf8'), 'content');
  }));

test('hides what a crash left, and removes it after a day', () =>
  inFolder(async (folder) => {
    const store = open(folder);
    await store.write(`${store.root}/t/object`, content);
    const left = (digit: number): string =>
      join(folder, 't', `.firn-01930000-0000-7000-8000-00000000000${digit}.tmp`);
    await writeFile(left(1), 'half');
    await writeFile(left(2), 'half');
    const yesterday = systemClock.nowMs() / 1000 - 25 * 3600;
    await utimes(left(2), yesterday, yesterday);
    await utimes(join(folder, 't', 'object'), yesterday, yesterday);
    const found = await listedNames(store, store.root);
    deepEqual(found, [`${store.root}/t/object`]);
    equal(await removeStaleTemporaries({ folder, clock: systemClock }), 1);
    deepEqual((await readdir(join(folder, 't'))).length, 2);
    equal(await removeStaleTemporaries({ folder: join(folder, 'none'), clock: systemClock }), 0);
  }));

/** Names of the disk operations of `act` on paths, in order; the temporary name is shown as `T`. */
async function diskTrace(folder: string, act: () => Promise<unknown>): Promise<string[]> {
  const trace: string[] = [];
  const shown = (path: unknown): string =>
    String(path)
      .replace(folder, '')
      .replace(/\.firn-[0-9a-f-]+\.tmp/, 'T');
  const opened = fsPromises.open;
  mock.method(fsPromises, 'open', async (path: string, flags: string) => {
    const handle = await opened(path, flags);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      trace.push(`sync ${shown(path)}`);
      return sync();
    };
    return handle;
  });
  for (const name of ['rename', 'link'] as const) {
    const original = fsPromises[name];
    mock.method(fsPromises, name, (from: string, to: string) => {
      trace.push(`${name} ${shown(from)} ${shown(to)}`);
      return original(from, to);
    });
  }
  syncBuiltinESMExports();
  await act();
  mock.restoreAll();
  syncBuiltinESMExports();
  return trace;
}

test('spec: C18 spec: C13 an object is on disk before its name is, and its name before the answer', () =>
  inFolder(async (folder) => {
    const store = open(folder);
    const write = (path: string, ifAbsent: boolean): Promise<string[]> =>
      diskTrace(folder, () => store.write(`${store.root}${path}`, content, { ifAbsent }));
    deepEqual(await write('/a/b/x', false), [
      'sync /a',
      'sync ',
      'sync /a/b/T',
      'rename /a/b/T /a/b/x',
      'sync /a/b',
    ]);
    deepEqual(await write('/a/b/y', true), ['sync /a/b/T', 'link /a/b/T /a/b/y', 'sync /a/b']);
    deepEqual(await write('/a/b/y', true), ['sync /a/b/T', 'link /a/b/T /a/b/y', 'sync /a/b']);
    await writeFile(join(folder, 'staged'), 'rows');
    const upload = (): Promise<unknown> =>
      store.upload(join(folder, 'staged'), `${store.root}/a/b/z`);
    deepEqual(await diskTrace(folder, upload), [
      'sync /staged',
      'rename /staged /a/b/z',
      'sync /a/b',
    ]);
    const remove = (): Promise<unknown> => store.remove(`${store.root}/a/b/z`);
    deepEqual(await diskTrace(folder, remove), ['sync /a/b']);
    deepEqual((await readdir(join(folder, 'a/b'))).toSorted(), ['x', 'y']);
  }));

test('makes the names of a new root durable too', () =>
  inFolder(async (folder) => {
    const store = open(join(folder, 'new/lake'));
    const trace = await diskTrace(folder, () => store.write(`${store.root}/t/x`, content));
    deepEqual(trace.slice(0, 3), ['sync /new/lake', 'sync /new', 'sync ']);
  }));

/** Makes the next calls of a file operation fail as the operating system would. */
function failing(operation: 'rename' | 'open' | 'link' | 'unlink', code: string, times = 1): void {
  const original = fsPromises[operation] as (...parameters: unknown[]) => Promise<unknown>;
  let left = times;
  mock.method(fsPromises, operation, (...parameters: unknown[]) => {
    if (left-- <= 0) return original(...parameters);
    const error = Object.assign(new Error(code), { code, syscall: operation });
    return Promise.reject(error);
  });
  syncBuiltinESMExports();
}

test('a local file on another device is copied, synced and renamed', () =>
  inFolder(async (folder) => {
    const store = open(join(folder, 'lake'));
    await writeFile(join(folder, 'staged'), 'rows');
    failing('rename', 'EXDEV');
    deepEqual(await store.upload(join(folder, 'staged'), `${store.root}/data/x`), { sizeBytes: 4 });
    deepEqual(await readdir(folder), ['lake']);
    deepEqual(await readdir(join(folder, 'lake/data')), ['x']);
    equal(await readFile(join(folder, 'lake/data/x'), 'utf8'), 'rows');
  }));

test('names what the operating system refused, and leaves nothing half-written', async () => {
  const expected: Readonly<Record<string, ErrorCode>> = {
    ENOSPC: 'STORAGE-FULL',
    EDQUOT: 'STORAGE-FULL',
    EROFS: 'STORAGE-READ-ONLY',
    EACCES: 'STORAGE-DENIED',
    EPERM: 'STORAGE-DENIED',
    EIO: 'STORAGE-IO',
    ENAMETOOLONG: 'STORAGE-IO',
  };
  for (const [system, code] of Object.entries(expected)) {
    await inFolder(async (folder) => {
      const store = open(folder);
      failing('rename', system);
      await rejects(store.write(`${store.root}/a`, content), (error) => {
        ok(isFirnError(error, code), String(error));
        ok(error.where === join(folder, 'a') && error.what.includes(system));
        return true;
      });
      deepEqual(await readdir(folder), []);
      await store.write(`${store.root}/a`, content);
      failing('open', system);
      await rejectsWith(code, () => store.read(`${store.root}/a`));
      failing('unlink', system);
      await rejectsWith(code, () => store.remove(`${store.root}/a`));
    });
  }
});

test('a name too long for the file system is an error of its own kind', () =>
  inFolder(async (folder) => {
    const store = open(folder);
    await rejectsWith('STORAGE-IO', () => store.write(`${store.root}/${'x'.repeat(300)}`, content));
  }));

test('writes on after its folder was removed by somebody else', () =>
  inFolder(async (folder) => {
    const store = open(folder);
    await store.write(`${store.root}/a/b/c`, content);
    await rm(join(folder, 'a'), { recursive: true });
    await store.write(`${store.root}/a/b/d`, content);
    deepEqual(await readdir(join(folder, 'a/b')), ['d']);
  }));

test('of several processes exactly one writes an object that must be new', () =>
  inFolder(async (folder) => {
    const script = fileURLToPath(
      new URL('../../test/conformance/exclusive-writer.ts', import.meta.url),
    );
    const root = `file://${folder}/lake`;
    const writers = [0, 1, 2].map((writer) => {
      const parameters = [script, join(folder, 'lake'), `${root}/owner`, `${writer}`];
      const child = spawn(process.execPath, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      return { child, lines };
    });
    try {
      for (const { lines } of writers) equal((await lines.next()).value, 'ready');
      for (let round = 0; round < 50; round++) {
        for (const { child } of writers) child.stdin.write(`${round}\n`);
        const answers: string[] = [];
        for (const { lines } of writers) answers.push(String((await lines.next()).value));
        const winner = answers.indexOf('written');
        deepEqual(answers.toSorted(), ['exists', 'exists', 'written']);
        equal(await readFile(join(folder, `lake/owner-${round}`), 'utf8'), `${winner}`);
      }
      equal((await readdir(join(folder, 'lake'))).length, 50);
    } finally {
      for (const { child } of writers) {
        child.kill();
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
    }
  }));
