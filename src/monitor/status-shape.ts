/**
 * The form of the status document of this version, checked when one is read and pinned by a test:
 * a changed form needs a new version, an added field does not.
 */
import type { ShapeOf } from './document-shape.ts';
import type { StatusDocument, TableStatus } from './status-document.ts';

const text = { kind: 'text' } as const;
const number = { kind: 'number' } as const;
const flag = { kind: 'flag' } as const;
const optionalNumber = { kind: 'optional', of: number } as const;
const optionalText = { kind: 'optional', of: text } as const;

const halt = {
  kind: 'optional',
  of: { kind: 'object', fields: { code: text, what: text, remedy: text, sinceMs: number } },
} as const;

const table: ShapeOf<TableStatus> = {
  kind: 'object',
  fields: {
    table: text,
    state: text,
    bootstrap: {
      kind: 'optional',
      of: {
        kind: 'object',
        fields: {
          rows: number,
          rowsTotal: optionalNumber,
          rowsPerSecond: optionalNumber,
          etaSeconds: optionalNumber,
          readers: optionalNumber,
        },
      },
    },
    ledger: {
      kind: 'object',
      fields: {
        completeTo: optionalText,
        rows: number,
        files: number,
        sizeBytes: number,
        lastCommitMs: optionalNumber,
      },
    },
    base: {
      kind: 'optional',
      of: {
        kind: 'object',
        fields: {
          watermark: optionalText,
          watermarkTimeMs: optionalNumber,
          snapshotId: optionalText,
          rows: number,
          files: number,
          sizeBytes: number,
          deleteFiles: number,
          deletedRows: number,
          formatVersion: optionalNumber,
          lastMergeMs: optionalNumber,
        },
      },
    },
    lagSeconds: optionalNumber,
    unmergedRows: optionalNumber,
    deadLetters: optionalNumber,
    halted: halt,
    retired: {
      kind: 'optional',
      of: {
        kind: 'object',
        fields: { what: text, remedy: text, sinceMs: number, removedAtMs: optionalNumber },
      },
    },
    lastVerify: {
      kind: 'optional',
      of: {
        kind: 'object',
        fields: { atMs: number, equal: flag, rows: number, differences: number },
      },
    },
  },
};

/** Form of {@link StatusDocument}. */
export const statusShape: ShapeOf<StatusDocument> = {
  kind: 'object',
  fields: {
    version: number,
    pipeline: text,
    engine: text,
    source: text,
    updatedAtMs: number,
    owner: {
      kind: 'optional',
      of: { kind: 'object', fields: { processId: number, host: text, sinceMs: number } },
    },
    halted: halt,
    lagChanges: optionalNumber,
    lagBytes: optionalNumber,
    logKeptUntilMs: optionalNumber,
    findings: {
      kind: 'optional',
      of: {
        kind: 'list',
        of: { kind: 'object', fields: { severity: text, code: text, what: text } },
      },
    },
    tables: { kind: 'list', of: table },
  },
};
