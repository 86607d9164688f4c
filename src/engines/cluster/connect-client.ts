/**
 * Kafka Connect's REST interface (Kafka 4.3, "Kafka Connect, REST API"), the part that Firn uses.
 * Everything here may be asked twice: a connector is put as it should be, not created. While the
 * workers share out their tasks they answer 409, which passes.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { listAt, listOf, numberAt, objectOf, textAt, valueAt } from './json-answer.ts';
import { createJsonService } from './json-service.ts';
import type { JsonAnswer, JsonRequest, JsonService, ServiceParts } from './json-service.ts';

/** Options of a connector. */
type Config = Readonly<Record<string, string>>;

/** What a connector or a task is doing, in Connect's words. */
export interface ConnectorStatus {
  readonly state: string;
  readonly tasks: readonly {
    readonly id: number;
    readonly state: string;
    /** Class of the exception that ended it; its text may hold values of rows. */
    readonly failure: string | null;
  }[];
}

/** A place in the source that a connector has stored, as it has stored it. */
export interface ConnectorOffset {
  readonly partition: JsonObject;
  readonly offset: JsonObject | null;
}

/** A client of the workers at one address. */
export class ConnectClient {
  readonly #service: JsonService;
  readonly #url: string;

  constructor(parts: Omit<ServiceParts, 'name'>) {
    this.#service = createJsonService({ ...parts, name: 'Kafka Connect' });
    this.#url = parts.url;
  }

  /** Version of Kafka that the workers run. */
  async version(): Promise<string> {
    return textAt((await this.#get('/')).body, 'version') ?? '';
  }

  /** Classes of the connectors that the workers know. */
  async plugins(): Promise<readonly string[]> {
    const { body } = await this.#get('/connector-plugins');
    return listOf(body).flatMap((item) => textAt(item, 'class') ?? []);
  }

  async connectors(): Promise<readonly string[]> {
    const { body } = await this.#get('/connectors');
    return listOf(body).filter((item) => typeof item === 'string');
  }

  /** Options as they are set; `null`: there is no such connector. */
  async config(name: string): Promise<Config | null> {
    const { status, body } = await this.#get(pathOf(name, '/config'));
    if (status === 404) return null;
    const entries = Object.entries(this.#object(body, 'options'));
    return Object.fromEntries(
      entries.map(([key, value]) => [key, typeof value === 'string' ? value : '']),
    );
  }

  /** Sets a connector's options; one that is not there is made, and starts. */
  async put(name: string, config: Config): Promise<void> {
    await this.#tell('PUT', pathOf(name, '/config'), config);
  }

  /** Makes a connector that does not start; one of this name that is there stays as it is. */
  async createStopped(name: string, config: Config): Promise<'created' | 'exists'> {
    const { status } = await this.#service.call({
      method: 'POST',
      path: '/connectors',
      body: { name, config, initial_state: 'STOPPED' },
      // 409 means here that it exists, or that tasks are being shared out: looking tells which.
      ...REPEATABLE,
      isPassing: (answer) => answer.status !== 409 && isPassing(answer),
      expected: [409],
    });
    if (status !== 409) return 'created';
    if ((await this.config(name)) !== null) return 'exists';
    const what = 'Kafka Connect is sharing out its tasks';
    throw new FirnError('CLUSTER-UNREACHABLE', { what, where: this.#url });
  }

  /** `null`: there is no such connector. */
  async status(name: string): Promise<ConnectorStatus | null> {
    const { status, body } = await this.#get(pathOf(name, '/status'));
    return status === 404 ? null : statusOf(this.#object(body, 'status'));
  }

  async stop(name: string): Promise<void> {
    await this.#tell('PUT', pathOf(name, '/stop'));
  }

  async resume(name: string): Promise<void> {
    await this.#tell('PUT', pathOf(name, '/resume'));
  }

  /** Starts a connector and its failed tasks anew. */
  async restartFailed(name: string): Promise<void> {
    await this.#tell('POST', pathOf(name, '/restart?includeTasks=true&onlyFailed=true'));
  }

  /** One that is not there is one that is removed. */
  async remove(name: string): Promise<void> {
    await this.#tell('DELETE', pathOf(name), undefined, [404]);
  }

  /** Places in the source that the connector has stored. */
  async offsets(name: string): Promise<readonly ConnectorOffset[]> {
    const { body } = await this.#get(pathOf(name, '/offsets'));
    return listAt(body, 'offsets').map((item) => ({
      partition: this.#object(valueAt(item, 'partition'), 'partition'),
      offset: objectOf(valueAt(item, 'offset')),
    }));
  }

  /** Only of a stopped connector. */
  async setOffsets(name: string, offsets: readonly ConnectorOffset[]): Promise<void> {
    await this.#tell('PATCH', pathOf(name, '/offsets'), { offsets });
  }

  /** Ends idle connections. */
  close(): void {
    this.#service.close();
  }

  #get(path: string): Promise<JsonAnswer> {
    return this.#service.call({ ...REPEATABLE, method: 'GET', path, expected: [404] });
  }

  async #tell(
    method: JsonRequest['method'],
    path: string,
    body?: unknown,
    expected: readonly number[] = [],
  ): Promise<void> {
    await this.#service.call({ ...REPEATABLE, method, path, body, expected });
  }

  #object(value: JsonValue | undefined, what: string): JsonObject {
    const found = objectOf(value);
    if (found !== null) return found;
    throw new FirnError('CLUSTER-ANSWER', {
      what: `Kafka Connect gave no ${what}`,
      where: this.#url,
    });
  }
}

const REPEATABLE = { isRepeatable: true, isPassing } as const;

/**
 * Workers that share out their tasks answer 409, which passes, or 500 with "a rebalance is
 * expected" (seen on 4.3 after its broker had died); what they refuse for good has another status.
 * For two seconds of its start a worker answers 404 to everything, without a code of its own in it
 * (seen on 4.3): that says nothing of any connector.
 */
function isPassing({ status, body }: JsonAnswer): boolean {
  if (status === 404) return numberAt(body, 'error_code') === null;
  return status === 409 || status === 500;
}

function pathOf(name: string, rest = ''): string {
  return `/connectors/${encodeURIComponent(name)}${rest}`;
}

function statusOf(body: JsonObject): ConnectorStatus {
  return {
    state: textAt(valueAt(body, 'connector'), 'state') ?? 'UNKNOWN',
    tasks: listAt(body, 'tasks').map((task) => ({
      id: numberAt(task, 'id') ?? -1,
      state: textAt(task, 'state') ?? 'UNKNOWN',
      failure: /^[\w.$]+/.exec(textAt(task, 'trace') ?? '')?.[0] ?? null,
    })),
  };
}
