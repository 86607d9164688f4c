/** Any text is read or refused as a pipeline file; what Firn writes reads back as itself. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import { nearestName } from './resolve/nearest-name.ts';
import { parsePipelineFile } from './parse-pipeline-file.ts';
import { pipelineNameFrom } from './pipeline-name.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './resolve/quantity.ts';
import { renderPipelineFile } from './render-pipeline-file.ts';

/** Names as hostile as they come: quotes, newlines, emoji, controls, YAML's own signs. */
const hostile = fc.oneof(
  fc.string({ minLength: 1, maxLength: 64, unit: 'binary' }),
  fc.constantFrom(
    'a"b',
    "it's",
    'x: y',
    '- a',
    '# c',
    '*',
    '&a',
    '!t',
    '%d',
    '@x',
    '`',
    '\n',
    '\u2028',
  ),
  fc.constantFrom(
    '../x',
    'null',
    'true',
    '1e3',
    '0x1f',
    '~',
    '...',
    '---',
    '😀',
    '\ufeff',
    'a\0b',
    ' a ',
  ),
);

test('a written file reads back with the same names, whatever they are', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(hostile, { minLength: 1, maxLength: 6 }),
      hostile.filter((text) => !text.includes('\0') && !/^(?:~|[A-Za-z][\w+.-]+:\/\/)/.test(text)),
      hostile,
      (names, path, note) => {
        const tables = names.map((name) => ({ name, note, included: true }));
        const commented = { name: note, note, included: false };
        const text = renderPipelineFile({
          name: pipelineNameFrom(note),
          source: { type: 'sqlite', path },
          tables: [...tables, commented],
          warehouse: path,
        });
        const config = parsePipelineFile(text, '/data/firn.yaml');
        deepEqual(
          config.tables.map(({ pattern }) => pattern),
          names,
        );
        deepEqual(config.source.type === 'sqlite' && config.source.path, resolve('/data', path));
        equal(config.lake.warehouse, resolve('/data', path));
      },
    ),
    { numRuns: 300 },
  );
});

test('any text is read or refused with a coded error', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.constantFrom(
      'name: a',
      'tables: [x]',
      '  - y',
      'lake:',
      '  warehouse: w',
      '- *a',
      '{',
      '&b',
    ),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      try {
        parsePipelineFile(lines.join('\n'), '/data/firn.yaml');
      } catch (error) {
        ok(isFirnError(error, 'CONFIG-INVALID'), String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('durations and sizes survive their text', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), (amount) => {
      equal(parseDuration(formatDuration(amount)), amount);
      equal(parseSize(formatSize(amount)), amount);
    }),
  );
  deepEqual(['1.5s', '7d', '250ms', '1 h'].map(parseDuration), [1500, 604_800_000, 250, 3_600_000]);
  deepEqual(
    ['10', '', '-1s', '1.0001ms', 's', '1y', '1e3s'].map(parseDuration),
    Array(7).fill(null),
  );
  deepEqual(['64MiB', '1.5KiB', '2MB', '0B'].map(parseSize), [67_108_864, 1536, 2_000_000, 0]);
  deepEqual(['64', '64mib', '0.3B', '1Mib'].map(parseSize), [null, null, null, null]);
});

test('a pipeline name is always a valid one', () => {
  fc.assert(fc.property(hostile, (text) => /^[a-z0-9_]{1,64}$/.test(pipelineNameFrom(text))));
  deepEqual(['My Shop.v2', 'Café', '../', 'a__b', '日本'].map(pipelineNameFrom), [
    'my_shop_v2',
    'cafe',
    'pipeline',
    'a__b',
    'pipeline',
  ]);
});

test('the nearest name is one that was meant', () => {
  const names = ['commitInterval', 'retention', 'raw'];
  deepEqual(
    ['commitIntreval', 'commit_interval', 'retantion', 'rwa', 'Raw', 'zzz', ''].map((name) =>
      nearestName(name, names),
    ),
    ['commitInterval', 'commitInterval', 'retention', 'raw', 'raw', null, null],
  );
});
