/** Errors of the storage area: codes `STORAGE-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Registered errors of the storage area by code. */
export const storageErrors = {
  'STORAGE-FULL': {
    disposition: 'retry',
    summary: 'The disk that holds the lake has no space left, or a quota was reached.',
    remedy:
      'Free space or raise the quota: nothing half-written is visible, and the pipeline goes on from its last commit.',
  },
  'STORAGE-READ-ONLY': {
    disposition: 'halt-pipeline',
    summary: 'The file system that holds the lake is mounted read-only.',
    remedy: 'Remount it for writing, or point `lake.warehouse` to a folder that can be written.',
  },
  'STORAGE-DENIED': {
    disposition: 'halt-pipeline',
    summary: 'The operating system refused access to a file or folder of the lake.',
    remedy: 'Give the user that runs Firn the right to read and write the warehouse folder.',
  },
  'STORAGE-NOT-A-FOLDER': {
    disposition: 'halt-pipeline',
    summary: 'A file lies where a folder of the lake should be.',
    remedy:
      'Correct the path of the warehouse or the catalog in the pipeline file, or move the file.',
  },
  'STORAGE-NOT-FOUND': {
    disposition: 'halt-table',
    summary: 'A file that the lake refers to is not there.',
    remedy: 'Restore the file from a backup, or bootstrap the table again.',
  },
  'STORAGE-FILE-DAMAGED': {
    disposition: 'halt-table',
    summary: 'A file of the lake is not what its manifest says it is, or cannot be decoded.',
    remedy:
      'The file was damaged, cut short or replaced after it was written. Restore it from a backup; or load the table again with `firn bootstrap FILE --table T`.',
  },
  'STORAGE-OUTSIDE-WAREHOUSE': {
    disposition: 'halt-table',
    summary: 'A location lies outside the warehouse, or could lead out of it.',
    remedy:
      'Open the lake by the path or URI that it was made with; distrust metadata you did not write.',
  },
  'STORAGE-TOO-LARGE': {
    disposition: 'halt-table',
    summary: 'An object is larger than what may be read into memory at once.',
    remedy: 'Expire snapshots of the table so that its metadata shrinks, or distrust the file.',
  },
  'STORAGE-IO': {
    disposition: 'halt-pipeline',
    summary: 'The file system failed a read or a write.',
    remedy: 'Look at the system log for the disk; after it is healthy, start again.',
  },
  'STORAGE-REMOTE-FAILED': {
    disposition: 'retry',
    summary: 'The object store could not be reached, or failed again and again.',
    remedy:
      'Look at the endpoint, the network and the store’s own state; the pipeline goes on from its last commit when the store answers.',
  },
  'STORAGE-REMOTE-DENIED': {
    disposition: 'halt-pipeline',
    summary: 'The object store refused the credentials, or what they may do.',
    remedy:
      'Look at `lake.s3` and at the rights of its key: reading, writing, removing and listing under the warehouse are needed.',
  },
  'STORAGE-REMOTE-CREDENTIALS': {
    disposition: 'retry',
    summary:
      'The credentials of the object store have expired and reading them again gave no new ones.',
    remedy:
      'Renew them where `lake.s3` says they are kept: they are read again before each attempt.',
  },
  'STORAGE-REMOTE-NO-BUCKET': {
    disposition: 'halt-pipeline',
    summary: 'The bucket of the warehouse is not there.',
    remedy: 'Make the bucket, or correct `lake.warehouse`, `lake.s3.endpoint` or the region.',
  },
  'STORAGE-REMOTE-CLOCK': {
    disposition: 'halt-pipeline',
    summary:
      'This machine’s clock differs so much from the object store’s that signatures are refused.',
    remedy: 'Set the clock, for instance by NTP.',
  },
  'STORAGE-REMOTE-REFUSED': {
    disposition: 'halt-pipeline',
    summary: 'The object store does not accept what Firn asked it for.',
    remedy:
      'The message has the store’s own word. A wrong region or way of addressing is corrected in `lake.s3`; docs/storage-s3.md lists what a store must be able to do.',
  },
  'STORAGE-REMOTE-CORRUPT': {
    disposition: 'halt-table',
    summary:
      'An object did not arrive as it was stored, or was not stored as it was sent, also when tried again.',
    remedy:
      'Look for a proxy or disk that damages data between Firn and the store; then resume the table.',
  },
  'STORAGE-ENGINE-MEMORY': {
    disposition: 'halt-table',
    summary: 'The embedded engine needed more memory, or more room for spilling, than it may use.',
    remedy:
      'Give the process more memory, or free space in its stage folder, and resume the table.',
  },
  'STORAGE-ENGINE-FAILED': {
    disposition: 'halt-table',
    summary: 'The embedded engine could not read or write the files of a table.',
    remedy:
      'The message names the kind of failure. A file of the table may be damaged: run firn verify.',
  },
} as const satisfies Record<string, ErrorSpec>;
