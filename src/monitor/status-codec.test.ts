/** The status document survives its text, its form is pinned, other versions are refused. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { formatStatus, parseStatus } from './status-codec.ts';
import type { StatusDocument } from './status-document.ts';
import { STATUS_VERSION } from './status-document.ts';
import { statusShape } from './status-shape.ts';

const document: StatusDocument = {
  version: STATUS_VERSION,
  pipeline: 'shop',
  engine: 'embedded',
  source: 'sqlite:/data/app.db',
  updatedAtMs: 1,
  owner: { processId: 7, host: 'box', sinceMs: 2 },
  halted: null,
  lagChanges: 3,
  lagBytes: 4,
  logKeptUntilMs: null,
  findings: [{ severity: 'warning', code: 'connect-drift', what: 'It is set otherwise.' }],
  tables: [
    {
      table: 'shop.orders',
      state: 'bootstrapping',
      bootstrap: { rows: 5, rowsTotal: null, rowsPerSecond: 9, etaSeconds: null, readers: 2 },
      ledger: {
        completeTo: '1:9223372036854775807',
        rows: 1,
        files: 1,
        sizeBytes: 9,
        lastCommitMs: 8,
      },
      base: {
        watermark: '1:8',
        watermarkTimeMs: 7,
        snapshotId: '9223372036854775807',
        rows: 2,
        files: 1,
        sizeBytes: 3,
        deleteFiles: 1,
        deletedRows: 4,
        formatVersion: 2,
        lastMergeMs: null,
      },
      lagSeconds: 0,
      unmergedRows: 0,
      deadLetters: 3,
      halted: { code: 'SOURCE-X', what: 'what', remedy: 'remedy', sinceMs: 4 },
      retired: { what: 'what', remedy: 'remedy', sinceMs: 4, removedAtMs: null },
      lastVerify: { atMs: 5, equal: true, rows: 2, differences: 0 },
    },
  ],
};

function refuses(text: string, code: ErrorCode): void {
  throws(
    () => parseStatus(text, 'here'),
    (error) => isFirnError(error, code),
  );
}

test('a document survives its text', () => {
  deepEqual(parseStatus(formatStatus(document), 'here'), document);
});

test('missing optional fields read as null, unknown ones are ignored', () => {
  const { halted: _halted, ...rest } = document;
  deepEqual(parseStatus(JSON.stringify({ ...rest, later: 1 }), 'here'), document);
});

test('another version, a damaged document and no JSON are refused by name', () => {
  refuses(JSON.stringify({ ...document, version: STATUS_VERSION + 1 }), 'PIPELINE-STATUS-VERSION');
  refuses('[]', 'PIPELINE-STATUS-VERSION');
  refuses(JSON.stringify({ ...document, pipeline: 1 }), 'PIPELINE-STATUS-INVALID');
  refuses(JSON.stringify({ ...document, tables: [{}] }), 'PIPELINE-STATUS-INVALID');
  refuses('{', 'PIPELINE-STATUS-INVALID');
});

test('the form is the pinned one: another form needs another version', () => {
  const hash = createHash('sha256').update(JSON.stringify(statusShape)).digest('hex').slice(0, 16);
  equal(`${STATUS_VERSION} ${hash}`, '1 2a4a13cd39818c4d');
});
