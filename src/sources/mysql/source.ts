/**
 * The source `mysql`, for MySQL and MariaDB: existing rows by SELECT, changes from the binary log
 * (docs/spec/source-mysql.md). Nothing is written to the server.
 *
 * The source's id is the pipeline's own name for it: servers take each other's place and addresses
 * change, and whether the history is the same is proven at each position instead.
 */
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import { parseGtidSet } from '../../mysql/gtid-set.ts';
import type { HiddenChanges } from '../../model/hidden-changes.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { SourcePosition } from '../../model/source-position.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName } from '../../model/table-schema.ts';
import type {
  ChangeSource,
  ForeignPlace,
  ForeignStatement,
  SourceMark,
  Finding,
  StatementHalt,
} from '../../ports/source.ts';
import { readBorder, readChunks } from './reads/bootstrap-chunks.ts';
import { checkMysql } from './check.ts';
import { checkDebezium, readHidden } from './check-debezium.ts';
import { openConnection } from './connection.ts';
import type { MysqlConnection } from './connection.ts';
import type { MysqlAddress } from './login.ts';
import { discoverTables, readShapes, sourceTableOf } from './discover.ts';
import { planForeignRead } from './reads/key-ranges.ts';
import type { ReadPlace } from './reads/key-ranges.ts';
import { readByKeys } from './reads/key-reads.ts';
import { foreignPlace, highPlace, lowPlace, snapshotPlace } from './log/log-marks.ts';
import { comparePlaces, markAt, parsePlace, sequenceAt } from './log/log-place.ts';
import type { LogPlace } from './log/log-place.ts';
import { logLag } from './log/log-lag.ts';
import { spotAfter } from './log/log-scan.ts';
import { logEnd, withConnection } from './log/log-status.ts';
import { streamLog } from './log/log-stream.ts';
import { assertPassed, verifyPosition } from './log/log-verify.ts';
import { statementHalts } from './log/foreign-statements.ts';
import { readerId, replicaUuid } from './log/reader-id.ts';
import type { TableReadParts } from './reads/table-reading.ts';
import { readTable } from './reads/whole-table.ts';

/** How a MySQL or MariaDB source is opened. */
export interface MysqlSourceOptions {
  /** Asked at each connection, so that a rotated password is taken up. */
  readonly address: () => Promise<MysqlAddress>;
  /** Host and port, for people. */
  readonly label: string;
  /** The pipeline's table rules, with patterns `database.table`. */
  readonly tables: readonly TableRule[];
  /** The pipeline's name. */
  readonly namespace: string;
  /** Tells its reader from those of other pipelines, also of ones of this name elsewhere. */
  readonly reader: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly serverId: number | 'auto';
  readonly onSwap: 'halt' | 'bootstrap';
  readonly heartbeatIntervalMs: number;
  readonly readConnections: number;
}

/** A source over one server, which can be asked for its log by transactions. */
export type MysqlChangeSource = ChangeSource &
  Required<Pick<ChangeSource, 'checkDebezium' | 'foreignMark' | 'hiddenChanges'>> & {
    /**
     * The mark before the first transaction of the log that is not among `gtids`; where all are,
     * one at the end of the log. `null`: the text is no set of this server's transactions.
     */
    markAfter(gtids: string, epoch: number): Promise<SequenceMark | null>;
  };

/** A source over one server. Nothing is connected before it is used. */
export function createMysqlSource(options: MysqlSourceOptions): MysqlChangeSource {
  return new MysqlSource(options);
}

class MysqlSource implements MysqlChangeSource {
  readonly kind = 'mysql';
  readonly delivery = 'push';
  readonly keepsLog = 'by-retention';
  readonly #options: MysqlSourceOptions;
  readonly #sourceId: string;
  readonly #connect: () => Promise<MysqlConnection>;

  constructor(options: MysqlSourceOptions) {
    this.#options = options;
    this.#sourceId = `mysql:${options.namespace}`;
    this.#connect = async () => openConnection(await options.address(), options.clock);
  }

  async discover(): Promise<readonly SourceTable[]> {
    const { tables: rules } = this.#options;
    return withConnection(this.#connect, async (connection) => {
      const { tables } = await discoverTables(connection, rules);
      return tables;
    });
  }

  async check(): ReturnType<ChangeSource['check']> {
    const { address, serverId, tables } = this.#options;
    const { tls, host } = await address();
    const isLoopback = /^(?:localhost|127\.|::1$)/i.test(host);
    const access = { serverId, isEncrypted: tls.kind !== 'off', isLoopback };
    return withConnection(this.#connect, (connection) =>
      checkMysql(connection, { tables, access }),
    );
  }

  checkDebezium(
    options: Parameters<NonNullable<ChangeSource['checkDebezium']>>[0],
  ): Promise<readonly Finding[]> {
    const { tables } = this.#options;
    return withConnection(this.#connect, (connection) =>
      checkDebezium(connection, { tables, ...options }),
    );
  }

  hiddenChanges(): Promise<HiddenChanges> {
    return withConnection(this.#connect, readHidden);
  }

  async identify(): ReturnType<ChangeSource['identify']> {
    return { sourceId: this.#sourceId, label: this.#options.label };
  }

  async prepare(): Promise<void> {
    // Everything that capture needs is the server's own log.
  }

  async lowMark(epoch: number): Promise<SourceMark> {
    return this.#mark(await lowPlace(this.#scan()), epoch);
  }

  async highMark(epoch: number): Promise<SourceMark> {
    return this.#mark(await highPlace(this.#scan()), epoch);
  }

  markAfter(text: string, epoch: number): Promise<SequenceMark | null> {
    return withConnection(this.#connect, async (connection) => {
      const gtids = parseGtidSet(text, connection.server.flavour);
      if (gtids === null) return null;
      const end = await logEnd(connection);
      const { fileName, offset } = await spotAfter(this.#scan(), { gtids, end });
      return { epoch, seq: sequenceAt(fileName, offset) - 1n };
    });
  }

  async foreignMark(place: ForeignPlace, epoch: number): Promise<SourceMark> {
    return this.#mark(await foreignPlace(this.#scan(), place), epoch);
  }

  judgeStatements(
    statements: readonly ForeignStatement[],
    tables: readonly TableName[],
  ): Promise<readonly StatementHalt[]> {
    const { onSwap } = this.#options;
    return withConnection(this.#connect, (connection) =>
      statementHalts(connection, { statements, tables, onSwap }),
    );
  }

  planRead(
    request: Parameters<NonNullable<ChangeSource['planRead']>>[0],
  ): ReturnType<NonNullable<ChangeSource['planRead']>> {
    const place = async (): Promise<ReadPlace> => {
      const found = await lowPlace(this.#scan());
      return { place: found, mark: this.#mark(found, request.epoch) };
    };
    return planForeignRead({ ...this.#reads(), lowPlace: place }, request);
  }

  bootstrap(
    request: Parameters<ChangeSource['bootstrap']>[0],
  ): ReturnType<ChangeSource['bootstrap']> {
    return readChunks(this.#reads(), request);
  }

  border(request: Parameters<ChangeSource['border']>[0]): Promise<string | null> {
    return readBorder(this.#reads(), request);
  }

  readAll(request: Parameters<ChangeSource['readAll']>[0]): ReturnType<ChangeSource['readAll']> {
    return readTable(this.#reads(), request);
  }

  readKeys(request: Parameters<ChangeSource['readKeys']>[0]): ReturnType<ChangeSource['readKeys']> {
    return readByKeys(this.#reads(), request);
  }

  stream(request: Parameters<ChangeSource['stream']>[0]): ReturnType<ChangeSource['stream']> {
    const { tables: rules, reader, serverId, onSwap, random } = this.#options;
    return streamLog(
      {
        ...this.#scan(),
        random,
        rules,
        onSwap,
        sourceId: this.#sourceId,
        discoverTable: (table) => this.#discoverTable(table),
        serverId: (connection) => readerId(connection, { serverId, reader }),
        replicaUuid: replicaUuid(reader),
        heartbeatMs: this.#options.heartbeatIntervalMs,
      },
      request,
    );
  }

  async acknowledge(): Promise<void> {
    // The server forgets its log by its own retention.
  }

  oldest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return comparePositions(left, right) <= 0 ? left : right;
  }

  newest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return comparePositions(left, right) >= 0 ? left : right;
  }

  verifyPosition(position: SourcePosition): ReturnType<ChangeSource['verifyPosition']> {
    return verifyPosition(this.#scan(), position);
  }

  lag(position: SourcePosition): ReturnType<ChangeSource['lag']> {
    return logLag(this.#scan(), position);
  }

  async uninstallPlan(): Promise<readonly string[]> {
    return [];
  }

  async uninstall(): Promise<void> {
    // Nothing was put into the server.
  }

  async close(): Promise<void> {
    // Connections live no longer than the call that opened them.
  }

  async #discoverTable(table: TableName): Promise<SourceTable | null> {
    const name = formatTableName(table);
    const choice = chooseTable(this.#options.tables, name);
    const [rule] = this.#options.tables;
    if (choice === null || rule === undefined) return null;
    return withConnection(this.#connect, async (connection) => {
      const shapes = await readShapes(connection, [{ ...rule, pattern: name }]);
      const shape = shapes.find((one) => formatTableName(one.table) === name);
      if (shape === undefined) return null;
      const found = sourceTableOf(shape, choice, connection.server.flavour);
      return 'reason' in found ? null : found;
    });
  }

  #scan(): { readonly connect: () => Promise<MysqlConnection>; readonly clock: Clock } {
    return { connect: this.#connect, clock: this.#options.clock };
  }

  #reads(): TableReadParts {
    const { clock, tables: rules, readConnections: connections } = this.#options;
    const marks = {
      low: (epoch: number) => this.lowMark(epoch),
      high: (epoch: number) => this.highMark(epoch),
      ofSnapshot: async (connection: MysqlConnection, epoch: number) => {
        const place = await snapshotPlace(this.#scan(), connection);
        return place === null ? null : this.#mark(place, epoch);
      },
    };
    const pace = (): Promise<void> => Promise.resolve();
    const prove: TableReadParts['prove'] = (connection, position) =>
      assertPassed(this.#scan(), { connection, position });
    return { open: this.#connect, clock, rules, marks, connections, pace, prove };
  }

  #mark(place: LogPlace, epoch: number): SourceMark {
    return markAt(place, { sourceId: this.#sourceId, epoch });
  }
}

/**
 * By the servers' files. Places of two servers are in no order by them; whoever holds both has
 * verified them against one server first.
 */
function comparePositions(left: SourcePosition, right: SourcePosition): number {
  const [first, second] = [placeOf(left), placeOf(right)];
  return first === null || second === null ? 0 : comparePlaces(first, second);
}

function placeOf({ token }: SourcePosition): LogPlace | null {
  return parsePlace(token, 'mysql') ?? parsePlace(token, 'mariadb');
}
