/**
 * Records of a connector's topics, taken apart: changes by their place in the database's log, which
 * is the identity that Firn's own reader gives them (docs/spec/order.md O2, O4), and statements
 * that changed tables. A part that cannot be read is said, never guessed.
 */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import type { ChangeOp } from '../../model/change-batch.ts';

/** Offsets within a file of the log stay below this: a file's number stands above them. */
const FILE_FACTOR = 2n ** 40n;

/** File numbers of one epoch stay below this: `seq` has 63 bits. */
const FILE_NUMBER_END = 2 ** 23;

/** A change of one row, or of all of them. */
export interface TopicChange {
  readonly kind: 'change';
  readonly op: Exclude<ChangeOp, 'r'>;
  readonly seq: bigint;
  readonly row: number;
  /** What the database calls the transaction; `null`: nothing. */
  readonly tx: string | null;
  readonly commitTsUs: bigint;
  /** Fields by column: of a delete the image before, else the one after; of `t` none. */
  readonly image: JsonObject;
}

/** What a record of a table's topic is. */
export type TopicRecord =
  | TopicChange
  /** Nothing that changed a row: a tombstone, a row read after the fact. */
  | { readonly kind: 'nothing' }
  /** A row of a snapshot that the connector took: what was changed before may be missing. */
  | { readonly kind: 'snapshot' }
  /** `reason`: a sentence without values. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** What a record of the topic of table definitions is. */
export type DefinitionRecord =
  | {
      readonly kind: 'statement';
      readonly seq: bigint;
      readonly sql: string;
      readonly database: string;
    }
  | Exclude<TopicRecord, TopicChange>;

/** Which table and log a record must be of. */
export interface RecordContext {
  readonly namespace: string;
  readonly table: string;
  /** What stands before the dot in the names of the log's files. */
  readonly logName: string;
}

/** Name and number of a file of the log; `null`: the name does not end in a number that fits. */
export function logFileOf(file: JsonValue | undefined): {
  readonly fileName: string;
  readonly logName: string;
  readonly number: number;
} | null {
  const found = typeof file === 'string' ? /^(.*)\.(\d{1,10})$/s.exec(file) : null;
  const [fileName = '', logName = '', digits = ''] = found ?? [];
  const number = Number.parseInt(digits, 10);
  return number < FILE_NUMBER_END ? { fileName, logName, number } : null;
}

/** `seq` of a place in the log; `null`: it is none. */
export function sequenceOf(number: number, pos: JsonValue | undefined): bigint | null {
  if (typeof pos !== 'number' || !Number.isSafeInteger(pos) || pos < 0) return null;
  const offset = BigInt(pos);
  return offset < FILE_FACTOR ? BigInt(number) * FILE_FACTOR + offset : null;
}

/** Reads a record of a table's topic. */
export function readRecord(value: Uint8Array | null, context: RecordContext): TopicRecord {
  if (value === null) return { kind: 'nothing' };
  const envelope = envelopeOf(value);
  if (envelope === null) return unreadable('It is no JSON object.');
  const source = objectOf(envelope['source']);
  const { op } = envelope;
  if (source === null || typeof op !== 'string') return unreadable('It is no envelope.');
  if (source['db'] !== context.namespace || source['table'] !== context.table) {
    return unreadable('It is of another table.');
  }
  if (op === 'm') return { kind: 'nothing' };
  if (op === 'r') return { kind: isSnapshot(source) ? 'snapshot' : 'nothing' };
  if (op !== 'c' && op !== 'u' && op !== 'd' && op !== 't') {
    return unreadable('It has no operation that is known.');
  }
  const seq = placeOf(source, context.logName);
  if (typeof seq === 'string') return unreadable(seq);
  const row = source['row'] ?? 0;
  if (typeof row !== 'number' || !Number.isInteger(row) || row < 0 || row >= 1_073_741_823) {
    return unreadable('It has no place in the log.');
  }
  const commitTsUs = microsOf(source);
  if (commitTsUs === null) return unreadable('It has no time.');
  const image = op === 't' ? {} : objectOf(envelope[op === 'd' ? 'before' : 'after']);
  if (image === null) return unreadable('It has no row.');
  const gtid = source['gtid'];
  const tx = typeof gtid === 'string' ? gtid : null;
  const place = { seq, row: 2 * row + (op === 'd' ? 0 : 1) };
  return { kind: 'change', op, ...place, tx, commitTsUs, image };
}

/** Reads a record of the topic of table definitions. */
export function readDefinition(value: Uint8Array | null, logName: string): DefinitionRecord {
  if (value === null) return { kind: 'nothing' };
  const record = envelopeOf(value);
  const source = objectOf(record?.['source']);
  if (record === null || source === null) return unreadable('It is no statement.');
  const { ddl: sql, databaseName: database } = record;
  if (typeof sql !== 'string') return { kind: isSnapshot(source) ? 'snapshot' : 'nothing' };
  if (isSnapshot(source)) return { kind: 'snapshot' };
  const seq = placeOf(source, logName);
  if (typeof seq === 'string') return unreadable(seq);
  return { kind: 'statement', seq, sql, database: typeof database === 'string' ? database : '' };
}

function unreadable(reason: string): { readonly kind: 'unreadable'; readonly reason: string } {
  return { kind: 'unreadable', reason };
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The object in a record; what the converter wraps around it with its schema is taken off. */
function envelopeOf(value: Uint8Array): JsonObject | null {
  let found: JsonObject | null;
  try {
    found = objectOf(parseJson(decoder.decode(value)));
  } catch {
    // Not text, or no JSON: said by the caller.
    return null;
  }
  if (found === null || !('payload' in found) || !('schema' in found)) return found;
  return objectOf(found['payload']);
}

function objectOf(value: JsonValue | undefined): JsonObject | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value as JsonObject;
}

/** Rows of a snapshot that was asked for while the log is read miss nothing. */
function isSnapshot({ snapshot }: JsonObject): boolean {
  const isNone = snapshot === undefined || snapshot === null || snapshot === false;
  return !isNone && snapshot !== 'false' && snapshot !== 'incremental';
}

/** `seq`, or why there is none. */
function placeOf(source: JsonObject, logName: string): bigint | string {
  const file = logFileOf(source['file']);
  const seq = file === null ? null : sequenceOf(file.number, source['pos']);
  if (file === null || seq === null) return 'It has no place in the log.';
  return file.logName === logName ? seq : 'It is from another log.';
}

function microsOf(source: JsonObject): bigint | null {
  const { ts_us: us, ts_ms: ms } = source;
  if (typeof us === 'number' && Number.isSafeInteger(us)) return BigInt(us);
  return typeof ms === 'number' && Number.isSafeInteger(ms) ? BigInt(ms) * 1000n : null;
}
