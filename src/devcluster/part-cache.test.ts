/** Fetched programs: whole or not there, whoever was killed while fetching. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { findJava } from './machine-programs.ts';
import { ensureJars } from './part-cache.ts';
import { SPARK_JARS } from './version-table.ts';

const skip = process.platform === 'linux' ? false : 'the cluster needs Linux';

/** A folder for the cache, and programs of these names that do what their scripts say. */
function machine(t: TestContext, scripts: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'firn-parts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const write = (name: string, script: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  for (const [name, script] of Object.entries(scripts)) write(name, script);
  const fetched: string[] = [];
  const cache = {
    cacheFolder: join(folder, 'cache'),
    environment: { PATH: `${bin}:/usr/bin:/bin` },
    signal: new AbortController().signal,
    onFetch: (name: string) => fetched.push(name),
  };
  return { cache, fetched, write };
}

/** Maven: its sixth word is the project's file. */
const MAVEN = '[ "$1" = --version ] && exit 0; mkdir "$(dirname "$5")/jars"';

test('what was not fetched whole is fetched again', { skip }, async (t) => {
  const { cache, fetched, write } = machine(t, { mvn: `${MAVEN}; exit 1` });
  mkdirSync(cache.cacheFolder);
  await rejects(ensureJars(cache, SPARK_JARS), { code: 'DEVCLUSTER-FETCH' });
  const [name = ''] = fetched;
  deepEqual(readdirSync(cache.cacheFolder), [`${name}.log`]);
  // Left by a process that was killed; another one still fetches.
  mkdirSync(join(cache.cacheFolder, `${name}.part-999999999-abcdef`));
  mkdirSync(join(cache.cacheFolder, `${name}.part-${process.ppid}-abcdef`));
  write('mvn', MAVEN);
  const folder = await ensureJars(cache, SPARK_JARS);
  equal(existsSync(join(folder, 'jars')), true);
  const left = readdirSync(cache.cacheFolder).filter((entry) => entry.includes('.part-'));
  deepEqual(left, [`${name}.part-${process.ppid}-abcdef`]);
  write('mvn', 'exit 1');
  equal(await ensureJars(cache, SPARK_JARS), folder);
  equal(fetched.length, 2);
});

test('what is being fetched is waited for, not fetched twice', { skip }, async (t) => {
  const { cache, fetched, write } = machine(t, { mvn: `${MAVEN}; sleep 0.2; exit 1` });
  const both = () =>
    Promise.allSettled([SPARK_JARS, SPARK_JARS].map((set) => ensureJars(cache, set)));
  deepEqual(
    (await both()).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  write('mvn', `${MAVEN}; sleep 0.2`);
  const folder = join(cache.cacheFolder, fetched[0] ?? '');
  const whole = { status: 'fulfilled', value: folder };
  deepEqual(await both(), [whole, whole]);
  equal(fetched.length, 2);
  deepEqual(readdirSync(cache.cacheFolder), [fetched[0], `${fetched[0]}.log`]);
});

test('a fetch says why it failed', { skip }, async (t) => {
  const answers = [
    ['[ERROR] Could not find artifact org.x:y:jar:1 in central', 'registry does not have org.x:y'],
    ['Unknown host repo.example.org', 'the registry cannot be reached'],
    ['something else', 'mvn failed'],
  ] as const;
  for (const [line, problem] of answers) {
    const script = `[ "$1" = --version ] && exit 0; echo "${line}"; exit 1`;
    const { cache } = machine(t, { mvn: script });
    mkdirSync(cache.cacheFolder);
    await rejects(ensureJars(cache, SPARK_JARS), { message: new RegExp(problem) });
  }
});

test('a machine without the programs is told what to install', { skip }, async (t) => {
  const { cache, write } = machine(t, { java: 'echo \'openjdk version "11.0.2"\' >&2' });
  const { environment } = cache;
  const code = 'DEVCLUSTER-PROGRAM';
  await rejects(async () => findJava(environment), { code, message: /version 11; 17 or newer/ });
  write('java', 'echo \'openjdk version "21.0.2"\' >&2');
  equal(findJava(environment), 'java');
  const home = { ...environment, JAVA_HOME: '/nowhere' };
  await rejects(async () => findJava(home), { code, message: /\/nowhere\/bin\/java/ });
  const bare = { ...cache, environment: { PATH: '/nowhere' } };
  const error = await ensureJars(bare, SPARK_JARS).catch((reason: unknown) => reason);
  match(String(error), /there is no mvn in PATH/);
});
