/**
 * Follows transactions through the log's events: where one ended, which tables it touched, and what
 * its statements do. A place is taken at a transaction's end only (docs/spec/source-mysql.md Y2).
 */
import type { BinlogReader } from '../../../binlog/binlog-reader.ts';
import type { LogEvent } from '../../../binlog/log-event.ts';
import type { LogTable } from '../../../binlog/log-table.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { ErrorCode } from '../../../kernel/error-registry.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import type { SourceEvent } from '../../../model/source-event.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableName } from '../../../model/table-schema.ts';
import { classifyStatement } from '../../../mysql/classify-statement.ts';
import type { Statement } from '../../../mysql/statement.ts';
import type { MysqlServer } from '../connection.ts';
import { logEventError } from './log-failure.ts';
import { comparePlaces, placeText, proofOf, sequenceAt } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import type { LogSpot } from './log-status.ts';
import { haltsOfCommit } from './prepared-transactions.ts';
import type { PreparedTransactions } from './prepared-transactions.ts';
import { effectsOf, tablesMadeBy } from '../../../mysql/statement-effects.ts';
import type { StreamTables } from './stream-tables.ts';

/** What reading needs. */
export interface TransactionReaderParts {
  readonly tables: StreamTables;
  readonly log: BinlogReader;
  readonly prepared: PreparedTransactions;
  readonly server: MysqlServer;
  readonly foldNames: boolean;
  readonly onSwap: 'halt' | 'bootstrap';
  readonly epoch: number;
  /** Events up to here were read before. */
  readonly from: LogPlace;
  /** Host and port. */
  readonly where: string;
}

type TableMapEvent = Extract<LogEvent, { kind: 'table-map' }>;
type QueryEvent = Extract<LogEvent, { kind: 'query' }>;
type BeginEvent = Extract<LogEvent, { kind: 'gtid' | 'anonymous-gtid' }>;

/** The COMMIT of an XA transaction of which nothing is known yet. */
interface UnknownCommit {
  readonly event: QueryEvent;
  readonly xid: string;
}

/** Offsets that a dump can start at; a place behind them is reached by reading. */
const START_OFFSET_MAX = 2 ** 32 - 1;

/** Events that belong to no transaction. */
const BETWEEN: ReadonlySet<LogEvent['kind']> = new Set([
  'format',
  'previous-gtids',
  'rotate',
  'unknown',
]);

/** Takes the events of one connection. */
export class TransactionReader {
  readonly #parts: TransactionReaderParts;
  #place: LogPlace;
  /** What the proof of the place is to be made of; `null`: it has it. */
  #unproven: LogEvent | null = null;
  /** First event at the offset that was read last: a compressed transaction has many. */
  #proving: LogEvent | null = null;
  #isSkipping: boolean;
  #isOpen = false;
  #isExplicit = false;
  /** The transaction was read at the server that was there before. */
  #isRepeated = false;
  #gtid: string | null = null;
  #commitTsUs = 0n;
  readonly #touched = new Set<LogTable>();
  #describing: TableMapEvent | null = null;
  #deciding: UnknownCommit | null = null;
  #borderTsUs: bigint | null = null;

  constructor(parts: TransactionReaderParts) {
    const { from } = parts;
    this.#parts = parts;
    this.#place = { ...from, gtids: from.gtids?.copy() ?? null };
    this.#isSkipping = from.offset > START_OFFSET_MAX;
  }

  /** The end of the last transaction. */
  get place(): LogPlace {
    if (this.#unproven !== null) {
      this.#place = { ...this.#place, proof: proofOf(this.#unproven) };
      this.#unproven = null;
    }
    return this.#place;
  }

  /**
   * Up to where the log was read, outside of transactions. Further than the place where events that
   * belong to no transaction follow it, as at the start of a file.
   */
  get reached(): LogSpot {
    const { fileName, offset } = this.#parts.log;
    const isAhead = fileName !== '' && comparePlaces({ fileName, offset }, this.#place) > 0;
    return this.isAtBorder && isAhead ? { fileName, offset } : this.#place;
  }

  /** Whether no transaction is open. */
  get isAtBorder(): boolean {
    return !this.#isOpen;
  }

  /** Whether the log is still before the place where reading goes on. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** Commit time of the last change since this was asked; `null` when there was none. */
  takeCommitTime(): bigint | null {
    const time = this.#borderTsUs;
    this.#borderTsUs = null;
    return time;
  }

  /**
   * Takes an event; what is to be told, `null` for nothing, `wait` when {@link settle} must run
   * before the next event.
   *
   * @throws {FirnError} when the log cannot be read on
   */
  take(event: LogEvent): Iterable<SourceEvent> | 'wait' | null {
    if (event.kind === 'rows') return this.#takeRows(event.table);
    if (this.#isSkipping && this.#skips(event)) return null;
    const isInFile = event.endOffset > event.startOffset;
    if (isInFile && this.#proving?.startOffset !== event.startOffset) this.#proving = event;
    const told = this.#takeOther(event);
    if (isInFile && !this.#isOpen) this.#end(event);
    return told;
  }

  /** Settles what the last event asked for. */
  async settle(): Promise<readonly SourceEvent[]> {
    if (this.#deciding !== null) return this.#settleXa(this.#deciding);
    const event = this.#describing;
    this.#describing = null;
    if (event === null) return [];
    const { tables, log } = this.#parts;
    const { table } = event;
    const { reader, events, refusal } = await tables.described(table);
    if (refusal !== null) this.#touched.add(table);
    if (reader !== null) log.attach(table, reader);
    const halted = refusal === null ? [] : this.#halt(event, { table, error: refusal });
    const told = [...events, ...halted];
    return told.length === 0 ? told : [...tables.cut(), ...told];
  }

  #takeRows(table: LogTable): Iterable<SourceEvent> | null {
    const { tables } = this.#parts;
    this.#touched.add(table);
    return tables.tookRows(table) ? tables.cut() : null;
  }

  #takeOther(event: LogEvent): Iterable<SourceEvent> | 'wait' | null {
    const { gtids, repeatsUntil } = this.#place;
    switch (event.kind) {
      case 'gtid':
        this.#begin(event.gtid, event);
        this.#passOver(repeatsUntil !== null && gtids?.contains(event.gtid) === true);
        this.#isExplicit = this.#parts.server.flavour === 'mariadb' && !event.standalone;
        return null;
      case 'anonymous-gtid':
        this.#begin(null, event);
        this.#passOver(false);
        return null;
      case 'table-map':
        if (!this.#parts.tables.isPending(event.table)) return null;
        this.#describing = event;
        return 'wait';
      case 'rows-refused':
        this.#touched.add(event.table);
        return this.#halt(event, { table: event.table, error: event.error });
      case 'xid':
        this.#isOpen = false;
        return null;
      case 'query':
        return this.#takeQuery(event);
      case 'xa-prepare':
        return this.#takePrepare(event);
      case 'incident':
        throw new FirnError('SOURCE-LOG-INCIDENT', {
          what: `The server reports incident ${event.code}: ${event.message}`,
          where: placeText(event),
        });
      case 'unknown':
        if (event.ignorable) return null;
        throw new FirnError('LOG-EVENT-MALFORMED', {
          what: `The log has an event of type ${event.typeCode}, which is not known`,
          where: placeText(event),
        });
      case 'server-error':
        throw logEventError(event, this.#parts.where);
      case 'end':
        throw new FirnError('SOURCE-UNREACHABLE', {
          what: 'The server ended the log',
          where: this.#parts.where,
        });
      default:
        return null;
    }
  }

  #begin(gtid: string | null, event: BeginEvent): void {
    this.#isOpen = true;
    this.#isExplicit = false;
    this.#gtid = gtid;
    this.#commitTsUs = event.originalCommitUs ?? BigInt(event.timestampSec) * 1_000_000n;
    if (this.#touched.size > 0) this.#touched.clear();
  }

  #passOver(isRepeated: boolean): void {
    this.#isRepeated = isRepeated;
    this.#parts.log.isPassing = isRepeated;
  }

  #takeQuery(event: QueryEvent): Iterable<SourceEvent> | 'wait' | null {
    // Nearly all of them; everything else is looked at word by word.
    if (event.sql === 'BEGIN') return this.#setOpen(true);
    if (event.sql === 'COMMIT') return this.#setOpen(false);
    const { server } = this.#parts;
    const statement = classifyStatement(event, server);
    switch (statement.kind) {
      case 'begin':
        return this.#setOpen(true);
      case 'commit':
        return this.#setOpen(false);
      case 'rollback': {
        this.#isOpen = false;
        return this.#haltTouched(event, {
          code: 'SOURCE-ROLLED-BACK',
          what: 'The log has its rows in a transaction that was rolled back',
          recovery: 'bootstrap',
        });
      }
      case 'xa':
        return this.#takeXa(event, statement);
      default: {
        const told = this.#takeStatement(event, statement);
        if (!this.#isExplicit) this.#isOpen = false;
        return told;
      }
    }
  }

  #setOpen(isOpen: boolean): null {
    this.#isOpen = isOpen;
    this.#isExplicit = true;
    return null;
  }

  #takeStatement(event: QueryEvent, statement: Statement): Iterable<SourceEvent> | null {
    if (this.#isRepeated) return null;
    const { tables, foldNames, onSwap } = this.#parts;
    const effects = effectsOf(statement, {
      captured: tables.names(),
      foldNames,
      onSwap,
      hasOtherKey: (table) => tables.hasOtherKey(table),
      where: placeText(event),
    });
    const appeared = tablesMadeBy(statement).filter((table) => tables.isNew(table));
    if (effects.length + appeared.length === 0) return null;
    const told: SourceEvent[] = [...tables.cut()];
    for (const table of appeared) told.push({ kind: 'table-appeared', table });
    const seq = sequenceAt(event.fileName, event.startOffset);
    for (const effect of effects) {
      if (effect.kind === 'halt') {
        told.push(...this.#halt(event, effect));
        continue;
      }
      this.#borderTsUs = this.#commitTsUs;
      const stamp = { seq, commitTsUs: this.#commitTsUs, gtid: this.#gtid };
      told.push(...tables.truncate(effect.table, stamp));
    }
    return told;
  }

  #takeXa(
    event: QueryEvent,
    { action, xid }: Extract<Statement, { kind: 'xa' }>,
  ): Iterable<SourceEvent> | 'wait' | null {
    if (action === 'start') return this.#setOpen(true);
    if (action === 'end' || action === 'prepare') return null;
    const touched = this.#parts.prepared.decide(xid);
    if (action === 'commit' && !this.#isRepeated && touched === null) {
      // It stays open until its tables are known: nothing may go on behind it before.
      this.#deciding = { event, xid };
      return 'wait';
    }
    this.#isOpen = false;
    if (action === 'rollback' || this.#isRepeated) return null;
    return this.#haltXa(event, touched);
  }

  async #settleXa({ event, xid }: UnknownCommit): Promise<readonly SourceEvent[]> {
    const { prepared, tables } = this.#parts;
    const { fileName, startOffset: offset } = event;
    const told = this.#haltXa(event, await prepared.find(xid, { fileName, offset }));
    this.#deciding = null;
    this.#isOpen = false;
    this.#end(event);
    return told.length === 0 ? told : [...tables.cut(), ...told];
  }

  #haltXa(event: QueryEvent, touched: readonly TableName[] | null): readonly SourceEvent[] {
    const commit = { captured: this.#parts.tables.names(), where: placeText(event) };
    return haltsOfCommit(touched, commit).flatMap((halt) => this.#halt(event, halt));
  }

  #takePrepare(event: Extract<LogEvent, { kind: 'xa-prepare' }>): Iterable<SourceEvent> | null {
    this.#isOpen = false;
    // Without its rows it is not known what it touches: its commit will find it unknown.
    if (event.onePhase || this.#isRepeated) return null;
    this.#parts.prepared.prepare(
      event.xid,
      [...this.#touched].map(({ namespace, table }) => ({ namespace, table })),
    );
    return this.#haltTouched(event, {
      code: 'SOURCE-XA',
      what: 'An XA transaction changed it',
      recovery: 'operator',
    });
  }

  #haltTouched(
    event: LogEvent,
    why: {
      readonly code: ErrorCode;
      readonly what: string;
      readonly recovery: 'bootstrap' | 'operator';
    },
  ): Iterable<SourceEvent> | null {
    const { code, what, recovery } = why;
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched.flatMap((table) => {
      const where = `${formatTableName(table)} at ${placeText(event)}`;
      return this.#halt(event, { table, error: new FirnError(code, { what, where }), recovery });
    });
  }

  /** Stops a table here; one that has been loaded again since goes on behind this place. */
  #halt(
    event: LogEvent,
    why: {
      readonly table: Parameters<StreamTables['halt']>[0];
      readonly error: FirnError;
      readonly recovery?: 'bootstrap' | 'operator';
      readonly removal?: 'table' | 'database';
    },
  ): readonly SourceEvent[] {
    const { tables, log, epoch } = this.#parts;
    const seq = sequenceAt(event.fileName, event.startOffset);
    const completeFrom: SequenceMark = { epoch, seq };
    const { table, error, recovery = 'operator', removal } = why;
    log.askAgain(table);
    return tables.halt(table, { error, recovery, completeFrom, removal: removal ?? null });
  }

  /** A transaction, or something outside of one, ended with this event. */
  #end(event: LogEvent): void {
    const proving = this.#proving;
    if (proving === null) return;
    const { gtids, serverUuid, proof, offset: from, repeatsUntil: until } = this.#place;
    // A place goes with its last transaction, but without GTIDs, and where no dump can start.
    if (gtids !== null && BETWEEN.has(event.kind) && from <= START_OFFSET_MAX) return;
    if (this.#gtid !== null) gtids?.add(this.#gtid);
    if (this.#touched.size > 0) {
      this.#borderTsUs = this.#commitTsUs;
      this.#touched.clear();
    }
    this.#gtid = null;
    const { fileName, endOffset: offset } = event;
    const isPast = until !== null && comparePlaces({ fileName, offset }, until) >= 0;
    const repeatsUntil = isPast ? null : until;
    this.#place = { fileName, offset, gtids, serverUuid, proof, repeatsUntil };
    // Made when the place is asked for: of most transactions it never is.
    this.#unproven = proving;
  }

  /** A file past 4 GiB is read from its start: nothing before the place counts. */
  #skips(event: LogEvent): boolean {
    const { from, log, tables } = this.#parts;
    if (event.fileName === '' || event.kind === 'rotate') return false;
    const isBefore = event.fileName === from.fileName && event.endOffset <= from.offset;
    if (isBefore) return true;
    this.#isSkipping = false;
    for (const table of tables.names()) log.askAgain(table);
    return false;
  }
}
