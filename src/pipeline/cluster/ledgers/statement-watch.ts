/**
 * Statements of the log that stop tables: those that change rows without row events, drop or rename
 * tables. Debezium keeps each one in the topic of the connector's own record of definitions,
 * acknowledged before any later row is sent; so what is read there after the connector has stored
 * a place are all statements before it. No ledger is said to be complete beyond a statement that
 * was not judged (docs/spec/cluster.md E20).
 */
import { schemaHistoryTopic } from '../../../cluster/cluster-names.ts';
import { numberAt, textAt, valueAt } from '../../../engines/cluster/json-answer.ts';
import { assert, present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { JsonValue } from '../../../kernel/lossless-json.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import type { ChangeSource, ForeignStatement, StatementHalt } from '../../../ports/source.ts';
import { logFileOf, sequenceOf } from '../../../sources/debezium/envelope.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { isCapturing } from '../../captured-table.ts';
import { takeDrop } from '../../dropped-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import type { LedgerServices } from './ledger-services.ts';

/** What watching needs. */
export interface StatementParts {
  readonly pipeline: PipelineParts;
  readonly services: Pick<LedgerServices, 'kafka' | 'records'>;
  readonly run: RunState;
  /** Name of the connector. */
  readonly connector: string;
}

/** What a record says, with its sequence: of a statement that of its end. */
type Placed = { readonly seq: bigint } & (
  | { readonly kind: 'statement'; readonly statement: ForeignStatement }
  /** A definition as the connector found it when it began: changes before it were not read. */
  | { readonly kind: 'beginning' }
);

/** The statements that one run has read. */
export class StatementWatch {
  readonly #parts: StatementParts;
  /** Next record. A run reads all of them once, and passes over what its ledgers have. */
  #next = 0n;
  /** All that was read, while a table is gone: no look at its columns has answered any of it. */
  #all: readonly Placed[] = [];

  constructor(parts: StatementParts) {
    this.#parts = parts;
  }

  /**
   * Reads what is there by now, and halts the tables that cannot go on; a dropped one may go on to
   * its DROP. Whether there was anything new.
   */
  async look(): Promise<boolean> {
    const records = await this.#read();
    if (records.length === 0) return false;
    const { pipeline, run } = this.#parts;
    const { source } = pipeline;
    const tables = [...run.tables.values()];
    if (tables.some(({ isAbsent }) => isAbsent)) this.#all = [...this.#all, ...records];
    for (const table of tables) {
      const ledger = isCapturing(table) ? run.stage.table(table.schema.table) : null;
      if (ledger === null) continue;
      const asked = table.isAbsent ? this.#all : records;
      const open = asked.filter((record) => isBeyond(record, ledger.state));
      const halt = table.drop === null ? await haltOf(source, open, table) : null;
      if (halt === null || this.#takeDrop(table, halt)) continue;
      const { error, recovery } = halt;
      await haltCapture(pipeline, run, { table, error, recovery });
    }
    return true;
  }

  /** Whether the table goes on to this place and retires there (docs/spec/cluster.md E21). */
  #takeDrop(table: CapturedTable, { removal, error, isExtended, seq }: PlacedHalt): boolean {
    if (isExtended || removal === null) return false;
    const { pipeline, run } = this.#parts;
    const upTo = { epoch: run.epoch, seq: seq - 1n };
    return takeDrop(pipeline, table, { removal, error, upTo });
  }

  async #read(): Promise<readonly Placed[]> {
    const { services, connector } = this.#parts;
    const topic = schemaHistoryTopic(connector);
    const { topicId, earliest, latest } = await services.kafka.offsets(topic);
    const to = latest[0] ?? 0n;
    const first = earliest[0] ?? 0n;
    const offset = this.#next > first ? this.#next : first;
    const place = { topic, topicId, partition: 0, offset, to };
    const placed: Placed[] = [];
    for await (const records of offset < to ? services.records.read(place) : []) {
      for (const { value } of records) {
        const one = value === null ? null : placedOf(value, topic);
        if (one !== null) placed.push(one);
      }
    }
    this.#next = to;
    return placed;
  }
}

/** Whether a record stands behind the place that a ledger is complete to. */
function isBeyond({ seq }: Placed, { completeTo }: LedgerState): boolean {
  return seq - 1n > completeTo.seq;
}

/** Why a table stops, and the sequence behind which it does. */
type PlacedHalt = Pick<StatementHalt, 'error' | 'recovery' | 'isExtended'> & {
  readonly removal: NonNullable<StatementHalt['removal']> | null;
  readonly seq: bigint;
};

/** Why a table cannot go on behind these records; `null`: it can. */
async function haltOf(
  source: ChangeSource,
  records: readonly Placed[],
  { name, schema }: CapturedTable,
): Promise<PlacedHalt | null> {
  if (records.some(({ kind }) => kind === 'beginning')) {
    const what = 'The connector lost its place and began anew: changes before may be missing';
    const error = new FirnError('SOURCE-CAPTURE-BEGAN', { what, where: name });
    return { error, recovery: 'bootstrap', removal: null, isExtended: false, seq: 0n };
  }
  assert(source.judgeStatements !== undefined, 'a source that a connector reads has statements');
  const placed = records.filter((record) => record.kind === 'statement');
  const statements = placed.map(({ statement }) => statement);
  const [halt] = await source.judgeStatements(statements, [schema.table]);
  if (halt === undefined) return null;
  const { seq } = present(placed[halt.index], 'the statement that stops a table');
  const { recovery, removal = null, isExtended } = halt;
  const error = isExtended ? extendedError(halt, name) : halt.error;
  return { error, recovery, removal, isExtended, seq };
}

/**
 * A table that was dropped right after it got columns does not retire: rows may have come with them
 * that the job has read without, and the source no longer shows the columns to read them again by.
 */
function extendedError({ error, removal }: StatementHalt, where: string): FirnError {
  if (removal === undefined) return error;
  const what = `${error.what}, right after it got columns that were not read yet`;
  const remedy = 'Create the table again, or take it out of the pipeline file: its copy stays.';
  return new FirnError('SOURCE-TABLE-MISSING', { what, where, remedy });
}

/** `null`: neither a statement of the log nor a beginning. */
function placedOf(value: Uint8Array, where: string): Placed | null {
  let record: JsonValue;
  try {
    record = parseJson(new TextDecoder().decode(value));
  } catch (cause) {
    const what = 'A record of the schema history is no JSON';
    throw new FirnError('CLUSTER-ANSWER', { what, where, cause });
  }
  const position = valueAt(record, 'position');
  const [file, pos, sql] = [
    textAt(position, 'file'),
    numberAt(position, 'pos'),
    textAt(record, 'ddl'),
  ];
  if (file === null || pos === null) return null;
  const number = logFileOf(file)?.number ?? null;
  const seq = number === null ? null : sequenceOf(number, pos);
  if (seq === null) {
    // Where it stands is not known, so neither is which ledgers are behind it.
    const what = `A record of the schema history has no place in the log: ${file}:${pos}`;
    throw new FirnError('CLUSTER-ANSWER', { what, where });
  }
  if (valueAt(position, 'snapshot') !== undefined) return { kind: 'beginning', seq };
  if (sql === null || sql === '') return null;
  const database = textAt(record, 'databaseName') ?? '';
  return { kind: 'statement', seq, statement: { sql, database, where: `${file}:${pos}` } };
}
