/** Last line of CI: all lanes added up, `N passed, N failed`. A lane without result has failed. */
import { savedResults } from './lane-result.ts';
import { CHECK_LANE, LANES } from './lanes.ts';

const results = savedResults();
for (const result of results) {
  process.stdout.write(
    `${result.lane.padEnd(8)} ${result.passed} passed, ${result.failed} failed, ` +
      `${result.skipped} skipped, ${result.seconds.toFixed(1)} s\n`,
  );
}
const silent = [CHECK_LANE, ...LANES].filter(
  (lane) => !results.some((result) => result.lane === lane.name),
);
for (const lane of silent) process.stdout.write(`${lane.name.padEnd(8)} did not finish\n`);

const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0) + silent.length;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
