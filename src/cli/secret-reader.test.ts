/** Secrets come from where the pipeline file says, and get into no message. */
import { doesNotMatch, equal, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import type { SecretReference } from '../config/secret-reference.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { secretReader } from './secret-reader.ts';

const node = process.execPath;
const script = (code: string): SecretReference => ({ kind: 'command', argv: [node, '-e', code] });

test('from the environment, a file, a program; one line break at the end is not part of it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-secret-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pw');
  writeFileSync(path, 'from file\n\n');
  const read = secretReader({ PW: ' from env ' });
  equal(await read({ kind: 'env', name: 'PW' }), ' from env ');
  equal(await read({ kind: 'file', path }), 'from file\n');
  equal(await read(script('console.log("from " + process.env.PW)')), 'from  from env ');
});

test('a secret that is not there is told by its place alone (spec: Y20)', async () => {
  const read = secretReader({ EMPTY: '' });
  const missing: readonly SecretReference[] = [
    { kind: 'env', name: 'NOT_SET' },
    { kind: 'env', name: 'EMPTY' },
    { kind: 'file', path: '/nowhere/at/all' },
    { kind: 'command', argv: ['/nowhere/program', 'canary'] },
    script('console.log("canary"); console.error("canary"); process.exit(3)'),
    script(''),
  ];
  for (const reference of missing) {
    await rejects(read(reference), (error) => {
      ok(isFirnError(error, 'CONFIG-SECRET-MISSING'));
      doesNotMatch(`${error.message} ${error.remedy}`, /canary/);
      return true;
    });
  }
});
