/** The lake's bucket: made by whoever brings the S3 server up, whoever started it. */
import { equal, rejects } from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePortBase, laneParts } from '../../../tools/servers/lane-cluster.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Clock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { ClusterParts } from '../cluster-parts.ts';
import { settingsFor } from '../cluster-settings.ts';
import { bringUp, lookAt, takeDown } from '../dev-cluster.ts';
import { VERSIONS } from '../version-table.ts';

const skip = process.platform === 'linux' ? false : 'the cluster needs Linux';

/**
 * In place of SeaweedFS: it answers at two of its ports. Its shell fails until the file `up` is
 * there, and then makes the bucket, a file.
 */
const WEED = `#!${process.execPath}
const { createServer } = require('node:http');
const { existsSync, writeFileSync } = require('node:fs');
const folder = __dirname;
const ports = process.argv.filter((word) => /^-(s3|master).port=/.test(word));
if (process.argv[2] === 'shell' && !existsSync(folder + '/up')) {
  writeFileSync(folder + '/asked', '');
  process.exit(1);
}
if (process.argv[2] === 'shell') {
  writeFileSync(folder + '/bucket', '');
  console.log('  lake\\t');
}
for (const word of ports) {
  createServer((request, answer) => answer.writeHead(403).end('{}')).listen(
    Number(word.split('=')[1]),
    '127.0.0.1',
  );
}
`;

test('an S3 server gets its bucket from the next who brings it up', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-s3-'));
  const program = join(folder, 'cache', `seaweedfs-${VERSIONS.seaweedfs}`);
  mkdirSync(program, { recursive: true });
  writeFileSync(join(program, 'weed'), WEED);
  chmodSync(join(program, 'weed'), 0o755);
  const wish = { s3: true, portBase: freePortBase() };
  const whole: ClusterParts = {
    ...laneParts(settingsFor(join(folder, 'cluster'), wish, systemRandom)),
    cacheFolder: join(folder, 'cache'),
  };
  const choice = { names: ['s3'], onServer: () => {} } as const;
  t.after(async () => {
    await takeDown(whole, { ...choice, isKilled: true });
    rmSync(folder, { recursive: true });
  });
  // The first one ends when the server answers and its shell does not yet.
  const stopper = new AbortController();
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) => {
      if (existsSync(join(program, 'asked'))) stopper.abort();
      return systemClock.sleep(ms, signal);
    },
  };
  await rejects(bringUp({ ...whole, clock, signal: stopper.signal }, choice), {
    name: 'AbortError',
  });
  const state = async () => (await lookAt(whole)).find(({ name }) => name === 's3')?.state;
  equal(await state(), 'not ready');
  writeFileSync(join(program, 'up'), '');
  equal(await state(), 'not ready', 'looking makes nothing');
  equal(existsSync(join(program, 'bucket')), false);
  await bringUp(whole, choice);
  equal(existsSync(join(program, 'bucket')), true);
  equal(await state(), 'ready');
});
