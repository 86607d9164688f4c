/**
 * Statements that find the newest change per key of a merge window (docs/spec/merge.md M7 to M10).
 * They work on two narrow tables of one connection: `changes`, the rows that decide, without their
 * values; and `winners`, one row per key that changes, with the place of its values in the ledger.
 */
import type { SequenceMark } from '../model/change-sequence.ts';
import { REREAD_ROW } from '../model/change-sequence.ts';

/** How a scanned ledger row is called in these statements. */
export interface ChangeSource {
  /** Relation with the columns below, `file_index` and `file_row_number`. */
  readonly relation: string;
  readonly op: string;
  readonly epoch: string;
  readonly seq: string;
  readonly row: string;
  readonly schemaVersion: string;
  /** Key columns in key order. */
  readonly keys: readonly string[];
  /** Data sequence number of each file of the relation. */
  readonly fileSequences: readonly bigint[];
}

/** Marks and the like that decide what counts: the engine port's `MergeRules`. */
export interface ChangeRules {
  readonly from: SequenceMark | null;
  readonly to: SequenceMark;
  readonly rereadsAfter: bigint;
}

/** A key column inside `changes` and `winners`. */
export function keyName(index: number): string {
  return `k${index}`;
}

/** A list of the key columns, each after `prefix`. */
export function keyList(count: number, prefix = ''): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${keyName(index)}`).join(', ');
}

/** A condition that two relations agree on all key columns. */
export function keysEqual(left: readonly string[], right: readonly string[]): string {
  return left.map((key, index) => `${key} = ${right[index] ?? ''}`).join(' AND ');
}

/** Whether a row lies at or below a mark. */
export function atOrBelow(
  columns: { readonly epoch: string; readonly seq: string },
  mark: SequenceMark,
): string {
  const { epoch, seq } = columns;
  return `(${epoch} < ${mark.epoch} OR (${epoch} = ${mark.epoch} AND ${seq} <= ${mark.seq}))`;
}

/** The empty table `changes`, for keys of these DuckDB types. */
export function createChanges(keyTypes: readonly string[]): string {
  const keys = keyTypes.map((type, index) => `${keyName(index)} ${type}`);
  const own = ['op VARCHAR', 'epoch INTEGER', 'seq BIGINT', 'rw INTEGER', 'sv INTEGER'];
  const place = ['dsn BIGINT', 'fi BIGINT', 'fr BIGINT', 'applies BOOLEAN'];
  return `CREATE TEMP TABLE changes (${[...own, ...keys, ...place].join(', ')})`;
}

/** Counts of a window: rows, repeats, and re-reads at or below the watermark that count. */
export function countWindow(source: ChangeSource, rules: ChangeRules): string {
  const { row } = source;
  const below = rules.from === null ? 'false' : atOrBelow(source, rules.from);
  const late = `${row} = ${REREAD_ROW} AND ${below} AND ${isNew(source, rules)}`;
  return `SELECT count(*) AS events,
      count(*) FILTER (${row} <> ${REREAD_ROW} AND ${below}) AS repeats,
      count(*) FILTER (${late}) AS late
    FROM ${source.relation}`;
}

/** The keys that have a re-read at or below the watermark. */
export function createLateKeys(source: ChangeSource, rules: ChangeRules): string {
  const below = rules.from === null ? 'false' : atOrBelow(source, rules.from);
  const keys = source.keys.map((key, index) => `${key} AS ${keyName(index)}`);
  return `CREATE TEMP TABLE late_keys AS SELECT DISTINCT ${keys.join(', ')}
    FROM ${source.relation} WHERE ${source.row} = ${REREAD_ROW} AND ${below}
      AND ${isNew(source, rules)}`;
}

/** Takes the window's rows above the old watermark, up to the new one. */
export function insertWindow(source: ChangeSource, rules: ChangeRules): string {
  const above = rules.from === null ? 'true' : `NOT ${atOrBelow(source, rules.from)}`;
  const counts = `(${source.row} <> ${REREAD_ROW} OR ${isNew(source, rules)})`;
  return `${insert(source, { applies: counts })} WHERE ${above} AND ${atOrBelow(source, rules.to)}`;
}

/** Takes the window's rows at or below the old watermark that late re-reads are compared with. */
export function insertRepeats(source: ChangeSource, rules: ChangeRules): string {
  const below = rules.from === null ? 'false' : atOrBelow(source, rules.from);
  const counts = `(${source.row} = ${REREAD_ROW} AND ${isNew(source, rules)})`;
  return `${insert(source, { applies: counts })} WHERE ${below} AND ${ofLateKey(source)}`;
}

/** Takes older rows that late re-reads are compared with; none of them is applied. */
export function insertOlder(source: ChangeSource, rules: ChangeRules): string {
  const statement = insert(source, { applies: 'false', fileIndex: NOT_IN_WINDOW });
  return `${statement} WHERE ${atOrBelow(source, rules.to)} AND ${ofLateKey(source)}`;
}

/** The newest truncate that overrules anything, and whether one is to be applied. */
export function selectTruncate(): string {
  return `SELECT epoch, seq, rw, (SELECT bool_or(applies) FROM changes WHERE op = 't')
    FROM changes WHERE op = 't' ORDER BY epoch DESC, seq DESC, rw DESC LIMIT 1`;
}

/** What decides the winners. */
export interface WinnerRequest {
  readonly keyCount: number;
  /** Newest truncate, `null` when there is none: a change counts only after it. */
  readonly truncate: { readonly epoch: number; readonly seq: bigint; readonly row: number } | null;
  /** SQL of a key's bucket over {@link keyName}s. */
  readonly bucket: string;
}

/** The table `winners`: per key the newest change, where it is one to apply. */
export function createWinners(request: WinnerRequest): string {
  const keys = keyList(request.keyCount);
  // Of re-reads with one sequence the file with the higher number wins; what follows only makes the
  // choice between identical rows repeatable.
  const newest = 'epoch DESC, seq DESC, rw DESC, dsn DESC, sv DESC, fi DESC, fr DESC';
  return `CREATE TEMP TABLE winners AS
    SELECT ${keys}, op, fi, fr, ${request.bucket} AS bucket FROM (
      SELECT * FROM changes WHERE op <> 't'
      QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY ${newest}) = 1
    ) WHERE applies AND ${afterTruncate(request.truncate)}`;
}

function afterTruncate(truncate: WinnerRequest['truncate']): string {
  if (truncate === null) return 'true';
  const { epoch, seq, row } = truncate;
  const later = `seq > ${seq} OR (seq = ${seq} AND rw > ${row})`;
  return `(epoch > ${epoch} OR (epoch = ${epoch} AND (${later})))`;
}

/** Re-reads that were not applied because a change that was merged already is newer. */
export function countOverruled(keyCount: number, from: SequenceMark): string {
  return `SELECT count(*) FROM changes ANTI JOIN winners USING (${keyList(keyCount)})
    WHERE applies AND rw = ${REREAD_ROW} AND ${atOrBelow({ epoch: 'epoch', seq: 'seq' }, from)}`;
}

/** Table `doubles`: rows of the window that share an identity with another. Re-reads have none. */
export function createDoubles(keyCount: number): string {
  const identity = `epoch, seq, rw, ${keyList(keyCount)}`;
  return `CREATE TEMP TABLE doubles AS
    SELECT ${identity}, op, sv, fi, fr FROM changes WHERE rw <> ${REREAD_ROW} AND fi >= 0
    QUALIFY count(*) OVER (PARTITION BY ${identity}) > 1`;
}

/**
 * Identities whose rows differ in op or in a value. A row of an older schema version lacks later
 * columns, so a missing value only counts against rows of its own version.
 */
export function selectConflicts(request: {
  readonly keyCount: number;
  readonly relation: string;
  readonly values: readonly string[];
}): string {
  const identity = `epoch, seq, rw, ${keyList(request.keyCount)}`;
  const { values } = request;
  const perVersion = values.flatMap((value, index) => [
    `min(${value}) AS low${index}`,
    `max(${value}) AS high${index}`,
    `count(${value}) NOT IN (0, count(*)) AS torn${index}`,
  ]);
  const differs = values.map((_, index) => {
    return `bool_or(torn${index}) OR min(low${index}) IS DISTINCT FROM max(high${index})`;
  });
  const opDiffers = 'min(low_op) <> max(high_op)';
  return `SELECT epoch, seq, rw FROM (
      SELECT ${identity}, sv, min(op) AS low_op, max(op) AS high_op
        ${perVersion.map((item) => `, ${item}`).join('')}
      FROM doubles JOIN ${request.relation} AS rows
        ON rows.file_index = fi AND rows.file_row_number = fr
      GROUP BY ${identity}, sv
    ) GROUP BY ${identity} HAVING ${[opDiffers, ...differs].join(' OR ')} LIMIT 1`;
}

/** `file_index` of rows that no winner's values are read from. */
const NOT_IN_WINDOW = '-1';

function insert(
  source: ChangeSource,
  row: { readonly applies: string; readonly fileIndex?: string },
): string {
  const { op, epoch, seq, schemaVersion, keys } = source;
  const list = [op, epoch, seq, source.row, schemaVersion, ...keys, sequenceOf(source)];
  const place = [row.fileIndex ?? 'file_index', 'file_row_number', row.applies];
  return `INSERT INTO changes SELECT ${[...list, ...place].join(', ')}
    FROM ${source.relation} AS source`;
}

function ofLateKey(source: ChangeSource): string {
  const keys = source.keys.map((key) => `source.${key}`);
  const late = source.keys.map((_, index) => `late_keys.${keyName(index)}`);
  const known = `EXISTS (FROM late_keys WHERE ${keysEqual(late, keys)})`;
  return `(source.${source.op} = 't' OR ${known})`;
}

/** Whether a re-read lies in a file that re-reads count in. */
function isNew(source: ChangeSource, rules: ChangeRules): string {
  return `${sequenceOf(source)} > ${rules.rereadsAfter}`;
}

function sequenceOf(source: ChangeSource): string {
  return `list_extract([${source.fileSequences.join(', ')}]::BIGINT[], file_index::BIGINT + 1)`;
}
