/** The lock file is complete for every system, and what completes it reads names right. */
import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { LockFile } from './lock.ts';
import { missingEntries, platformOf } from './lock.ts';

test('names say system, processor and libc', () => {
  deepEqual(platformOf('@oxlint/binding-linux-arm-gnueabihf'), {
    os: ['linux'],
    cpu: ['arm'],
    libc: ['glibc'],
  });
  deepEqual(platformOf('@duckdb/node-bindings-darwin-arm64'), { os: ['darwin'], cpu: ['arm64'] });
  deepEqual(platformOf('@duckdb/node-bindings-linux-x64-musl'), {
    os: ['linux'],
    cpu: ['x64'],
    libc: ['musl'],
  });
  deepEqual(platformOf('@oxlint/binding-win32-x64-msvc'), { os: ['win32'], cpu: ['x64'] });
});

test('an optional dependency without an entry is found', () => {
  const missing = missingEntries({
    packages: { 'node_modules/a': { dev: true, optionalDependencies: { 'a-linux-x64': '1.0.0' } } },
  });
  deepEqual(
    [...missing],
    [
      [
        'node_modules/a-linux-x64',
        { version: '1.0.0', os: ['linux'], cpu: ['x64'], dev: true, optional: true },
      ],
    ],
  );
});

test('the lock file has an entry for every system, no script and no download address', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as LockFile;
  equal(missingEntries(lock).size, 0);
  const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
  deepEqual(
    entries.filter(([, entry]) => entry.resolved !== undefined),
    [],
  );
  deepEqual(
    entries.filter(([, entry]) => entry.hasInstallScript === true),
    [],
  );
  const unchecked = entries.filter(([, entry]) => entry.integrity === undefined);
  deepEqual(
    unchecked.filter(([, entry]) => entry.optional !== true),
    [],
  );
  deepEqual(
    unchecked.filter(([, { os, cpu }]) => os?.includes('linux') === true && cpu?.includes('x64')),
    unchecked.filter(([path]) => /linux-x64-musl/.test(path)),
    'only other systems may lack a checksum',
  );
});
