/**
 * Reporter of every lane: failures in full, skipped tests by name, slow ones with their time.
 * Writes the counts as JSON to the file named by `FIRN_COUNTS`, for the runner.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

/** What a run of tests came to. Suites are not counted. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

type Finished = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data'];

/** Tests that take longer are listed at the end: a lane's budget goes to them. */
const SLOW_MS = 20_000;

function place(data: Finished): string {
  return data.file === undefined ? '' : ` (${relative('.', data.file)}:${data.line ?? 1})`;
}

/** The message and the lines of the stack that lie in the project: no copy of compared values. */
function failureText(data: Finished): string {
  const error: unknown = 'error' in data.details ? data.details.error : undefined;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  const lines = text.split('\n').filter((line) => !/^\s+at .*\(?node:/.test(line));
  return `\nFAILED ${data.name}${place(data)}\n${lines.join('\n')}\n`;
}

/** The reporter that `node --test --test-reporter` loads. */
// oxlint-disable-next-line import/no-default-export -- the contract of `--test-reporter`
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const slow: Finished[] = [];
  for await (const event of events) {
    if (event.type === 'test:stderr' || event.type === 'test:stdout') yield event.data.message;
    // The counts of a test; those of the run itself belong to no file.
    if (event.type === 'test:diagnostic' && event.data.file !== undefined) {
      yield `${event.data.message}\n`;
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { data } = event;
    if (data.details.duration_ms > SLOW_MS && data.details.type !== 'suite') slow.push(data);
    if (data.skip !== undefined || data.todo !== undefined) {
      skipped += 1;
      const reason = typeof data.skip === 'string' ? `: ${data.skip}` : '';
      yield `skipped ${data.name}${reason}${place(data)}\n`;
    } else if (event.type === 'test:fail') {
      // A suite fails because a test in it did; the test has been reported.
      if (data.details.type !== 'suite' || failed === 0) failed += 1;
      yield failureText(data);
    } else if (data.details.type !== 'suite') {
      passed += 1;
    }
  }
  for (const data of slow.toSorted((a, b) => b.details.duration_ms - a.details.duration_ms)) {
    yield `slow: ${(data.details.duration_ms / 1000).toFixed(0)} s ${data.name}${place(data)}\n`;
  }
  const counts: TestCounts = { passed, failed, skipped };
  const target = process.env['FIRN_COUNTS'];
  if (target !== undefined) writeFileSync(target, JSON.stringify(counts));
}
