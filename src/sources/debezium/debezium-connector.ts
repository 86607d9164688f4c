/**
 * The connector as Kafka Connect tells of it: how it is set, whether it runs, and the place in the
 * database's log that it has stored. Connect stores a place only after everything before it is in
 * the topics, so it says up to where they are complete; of a transaction that is under way it is
 * the place of its beginning.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import { connectorModes } from './connector-modes.ts';
import type { ConnectorModes, ConnectorOptions } from './connector-modes.ts';
import { logFileOf, sequenceOf } from './envelope.ts';

/** What is asked of Connect's workers. */
export interface ConnectorService {
  /** `null`: there is no such connector. */
  config(name: string): Promise<ConnectorOptions | null>;
  status(name: string): Promise<{
    readonly state: string;
    readonly tasks: readonly { readonly state: string; readonly failure: string | null }[];
  } | null>;
  offsets(name: string): Promise<readonly { readonly offset: JsonObject | null }[]>;
}

/** A connector by name. */
export interface ConnectorAddress {
  readonly service: ConnectorService;
  readonly name: string;
  /** `host:port` of the database as the connector must have it. */
  readonly server: string;
}

/** The place that a connector has stored. */
export interface ConnectorPlace {
  readonly fileName: string;
  readonly offset: bigint;
  /** What stands before the dot in the names of the log's files. */
  readonly logName: string;
  /** Sequence of the next event: the topics have everything below it. */
  readonly seq: bigint;
  /** Transactions that are in the topics, as a set of GTIDs; `null`: it goes without. */
  readonly gtids: string | null;
}

/** A connector of Debezium. */
export class DebeziumConnector {
  readonly #address: ConnectorAddress;

  constructor(address: ConnectorAddress) {
    this.#address = address;
  }

  /**
   * How it is set.
   *
   * @throws {FirnError} SOURCE-CONNECTOR where changes or values would be lost
   */
  async modes(): Promise<ConnectorModes> {
    const { modes, obstacles } = await this.judge();
    if (modes !== null && obstacles.length === 0) return modes;
    throw new FirnError('SOURCE-CONNECTOR', {
      what: obstacles.map((obstacle) => `\n  ${obstacle}`).join(''),
      where: this.#address.name,
    });
  }

  /** How it is set, and what stands in the way. `modes` is `null`: it cannot be used at all. */
  async judge(): Promise<{
    readonly modes: ConnectorModes | null;
    readonly obstacles: readonly string[];
  }> {
    const { service, name, server } = this.#address;
    const options = await service.config(name);
    if (options === null) return { modes: null, obstacles: [`There is no connector ${name}.`] };
    const modes = connectorModes(options);
    if (modes === null) {
      const obstacle = `The connector ${name} is none of Debezium’s for MySQL or MariaDB.`;
      return { modes: null, obstacles: [obstacle] };
    }
    const reads = `${options['database.hostname'] ?? ''}:${options['database.port'] ?? '3306'}`;
    if (reads.toLowerCase() === server.toLowerCase()) return { modes, obstacles: modes.obstacles };
    const other = `It reads ${reads}, not ${server}; connect.server may name both as one server.`;
    return { modes, obstacles: [...modes.obstacles, other] };
  }

  /**
   * Where it is. Everything below is in the topics.
   *
   * @throws {FirnError} SOURCE-CONNECTOR-STOPPED
   */
  async place(): Promise<ConnectorPlace> {
    const { service, name } = this.#address;
    const stored = await service.offsets(name);
    const [first] = stored;
    const offset = stored.length === 1 ? (first?.offset ?? null) : null;
    const file = logFileOf(offset?.['file']);
    const seq = file === null ? null : sequenceOf(file.number, offset?.['pos']);
    if (offset === null || file === null || seq === null) {
      throw this.#stopped('has stored no place in the log yet');
    }
    const { snapshot = false, snapshot_completed: completed = true } = offset;
    if (snapshot !== false && completed !== true) throw this.#stopped('still takes its snapshot');
    const { gtids } = offset;
    return {
      fileName: file.fileName,
      offset: seq % 2n ** 40n,
      logName: file.logName,
      seq,
      gtids: typeof gtids === 'string' ? gtids : null,
    };
  }

  /**
   * Whether it runs.
   *
   * @throws {FirnError} SOURCE-CONNECTOR-STOPPED
   */
  async assertRunning(): Promise<void> {
    const { service, name } = this.#address;
    const status = await service.status(name);
    if (status === null) throw this.#stopped('is gone');
    const [task] = status.tasks;
    const state = status.state === 'RUNNING' ? (task?.state ?? 'without a task') : status.state;
    if (state === 'RUNNING' || state === 'UNASSIGNED' || state === 'RESTARTING') return;
    const failure = task?.failure ?? null;
    throw this.#stopped(`is ${state.toLowerCase()}${failure === null ? '' : ` (${failure})`}`);
  }

  #stopped(what: string): FirnError {
    const { name } = this.#address;
    return new FirnError('SOURCE-CONNECTOR-STOPPED', {
      what: `The connector ${name} ${what}`,
      where: name,
    });
  }
}
