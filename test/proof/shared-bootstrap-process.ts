/**
 * One process of a shared bootstrap, with bounds so small that a small table has many chunks: `node
 * shared-bootstrap-process.ts FOLDER run|join LEASE_MS`. Events go to the output, one a line. The
 * one that runs the pipeline stands still after some rows while the folder has a file
 * `hold-alone`, and later while it has `hold-shared`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { COPY_LIMITS } from '../../src/bootstrap/copy-parts.ts';
import { loadPipelineFile } from '../../src/config/load-pipeline-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { openPipeline } from '../../src/pipeline/pipeline-service.ts';

const [, , folder = '', role = '', leaseMs = ''] = process.argv;

const limits = { chunkRowsMax: 5, groupBytesMax: 1 << 15, claimRows: 500, lookMs: 50 };

/** Stands still, in the middle of whatever it does, while a file is there. */
function hold(name: string): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(join(folder, name))) Atomics.wait(cell, 0, 0, 20);
}

const pipeline = await openPipeline({
  config: loadPipelineFile(join(folder, 'firn.yaml')),
  clock: systemClock,
  random: systemRandom,
  readSecret: () => Promise.reject(new Error('no secrets')),
  runtimeFolder: join(folder, 'run'),
  processId: process.pid,
  copyLimits: { ...COPY_LIMITS, ...limits, leaseMs: Number.parseInt(leaseMs, 10) },
  onEvent(event) {
    const text = JSON.stringify(event, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    process.stdout.write(`${text}\n`);
    if (role !== 'run' || event.kind !== 'bootstrap-progress' || event.rows === 0) return;
    hold('hold-alone');
    if (event.rows >= 3000) hold('hold-shared');
  },
  signal: new AbortController().signal,
});
try {
  if (role === 'run') await pipeline.run({ once: true });
  else await pipeline.join();
} finally {
  await pipeline.close();
}
