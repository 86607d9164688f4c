/**
 * The topic in which a connector tells the statements that change tables: what became of a captured
 * table beside its rows. A statement comes into force at its place in the log, behind every row
 * before it (docs/spec/source-debezium.md D6).
 */
import { chooseTable } from '../../config/table-choice.ts';
import type { TableRule } from '../../config/pipeline-config.ts';
import type { FetchedRecords } from '../../kafka/kafka-reader.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName } from '../../model/table-schema.ts';
import { classifyStatement } from '../../mysql/classify-statement.ts';
import type { MysqlFlavour } from '../../mysql/mysql-column.ts';
import { joined } from '../../mysql/statement.ts';
import type { Statement } from '../../mysql/statement.ts';
import { effectsOf, tablesMadeBy } from '../../mysql/statement-effects.ts';
import { readDefinition } from './envelope.ts';
import type { DefinitionRecord } from './envelope.ts';
import type { TopicPlace } from './topic-places.ts';
import type { TableCut } from './topic-table.ts';

/** What came to be by the statements up to a barrier. */
export type Told =
  | { readonly kind: 'cut'; readonly cut: TableCut }
  | { readonly kind: 'appeared'; readonly table: TableName };

/** Where the topic is, and how its statements are read. */
export interface DefinitionParts {
  readonly topic: string;
  readonly place: TopicPlace | null;
  /** Everything at or below was taken before. */
  readonly after: bigint;
  /** Tables that take rows when the stream begins. */
  readonly tables: readonly TableName[];
  readonly rules: readonly TableRule[];
  readonly flavour: MysqlFlavour;
  readonly onSwap: 'halt' | 'bootstrap';
}

type StatementRecord = Extract<DefinitionRecord, { kind: 'statement' }>;

interface PlacedStatement {
  readonly seq: bigint;
  readonly statement: Statement;
}

type HeldStatement = PlacedStatement & { readonly offset: bigint };

/** Statements that wait at most. */
const HELD_MAX = 10_000;

/** Version of a server whose comments with a version are all read: the newest there may be. */
const ANY_VERSION = 999_999;

/** The topic of a running stream. */
export class DefinitionTopic {
  readonly topic: string;
  place: TopicPlace | null;
  readTo: bigint | null = null;
  readonly #parts: DefinitionParts;
  #held: HeldStatement[] = [];
  #last: bigint;
  /** Texts taken at `#last`: a statement on several tables is one record for each, in one place. */
  readonly #taken = new Set<string>();

  constructor(parts: DefinitionParts) {
    this.#parts = parts;
    this.topic = parts.topic;
    this.place = parts.place;
    this.#last = parts.after;
  }

  /** What comes next is gone: there is nothing to wait for. */
  lose(): void {
    this.place = null;
    this.readTo = 0n;
  }

  /**
   * Takes records that were read.
   *
   * @returns the offset at which the connector began anew with a snapshot; `null`: it did not
   */
  take({ records, nextOffset, endOffset, place }: FetchedRecords, logName: string): bigint | null {
    const { tables } = this.#parts;
    let began: bigint | null = null;
    for (const { offset, value } of records) {
      const record = readDefinition(value, logName);
      if (record.kind === 'unreadable') throw this.#error(offset, record.reason);
      // Of tables as they are: what changed since the place that it had stored is passed over.
      if (record.kind === 'snapshot') began ??= offset;
      if (record.kind !== 'statement' || !this.#isNew(record)) continue;
      const held = { seq: record.seq, offset, statement: this.#classified(record) };
      // The server may have thousands of others.
      if (this.#told(held, []).length + this.#effects(held, tables).length > 0) {
        this.#held.push(held);
      }
    }
    if (this.#held.length > HELD_MAX) {
      throw this.#error(nextOffset, `More than ${HELD_MAX} statements wait for a barrier.`);
    }
    this.place = { topicId: place.topicId, offset: nextOffset };
    this.readTo ??= endOffset;
    return began;
  }

  /** What the statements up to `seq` do, in their order. Each is told once. */
  upTo(seq: bigint, captured: readonly TableName[]): readonly Told[] {
    const count = this.#held.findIndex((one) => one.seq > seq);
    const ready = this.#held.splice(0, count < 0 ? this.#held.length : count);
    return [...Map.groupBy(ready, (one) => one.seq)].flatMap(([at, there]) => {
      const statements = joined(there.map((one) => one.statement));
      return statements.flatMap((statement) => this.#told({ seq: at, statement }, captured));
    });
  }

  /** Where the first statement stands that was not told. */
  firstUnused(): TopicPlace | null {
    const [first] = this.#held;
    if (this.place === null || first === undefined) return this.place;
    return { ...this.place, offset: first.offset };
  }

  /** Whether a statement has not been taken: after a crash a connector sends some again. */
  #isNew({ seq, sql, database }: StatementRecord): boolean {
    if (seq < this.#last || seq <= this.#parts.after) return false;
    if (seq > this.#last) this.#taken.clear();
    this.#last = seq;
    const text = JSON.stringify([database, sql]);
    if (this.#taken.has(text)) return false;
    this.#taken.add(text);
    return true;
  }

  #classified({ sql, database }: StatementRecord): Statement {
    const { flavour } = this.#parts;
    return classifyStatement({ sql, database, sqlMode: null }, { flavour, version: ANY_VERSION });
  }

  /** What a statement does to tables that take rows. */
  #effects({ seq, statement }: PlacedStatement, captured: readonly TableName[]): readonly Told[] {
    const effects = effectsOf(statement, {
      captured,
      // Which the server does is not in the topic: a table too many is looked at.
      foldNames: true,
      onSwap: this.#parts.onSwap,
      hasOtherKey: () => false,
      where: `${seq >> 40n}:${seq & (2n ** 40n - 1n)}`,
    });
    return effects.flatMap((effect) =>
      // The connector tells it in the table's own topic.
      effect.kind === 'truncate' ? [] : [{ kind: 'cut' as const, cut: { seq, effect } }],
    );
  }

  #told(placed: PlacedStatement, captured: readonly TableName[]): readonly Told[] {
    const known = new Set(captured.map(formatTableName));
    const made = tablesMadeBy(placed.statement).filter((table) => {
      const name = formatTableName(table);
      return !known.has(name) && chooseTable(this.#parts.rules, name) !== null;
    });
    const appeared = made.map((table) => ({ kind: 'appeared' as const, table }));
    return [...this.#effects(placed, captured), ...appeared];
  }

  #error(offset: bigint, reason: string): FirnError {
    const what = `The record at offset ${offset} of ${this.topic} is no statement that can be read. ${reason}`;
    return new FirnError('SOURCE-CONNECTOR', { what, where: this.topic });
  }
}
