/**
 * A pipeline as the command line sees it. Reading needs no owner; what writes goes to the owner's
 * control socket, or owns the pipeline for as long as it takes.
 */
import { hostname } from 'node:os';
import { respelledDocuments } from '../cluster/capture/respelled-documents.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { createTableQueues } from '../lake/table-queues.ts';
import { formatMark } from '../model/change-sequence.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { createMetrics } from '../monitor/metrics.ts';
import { parseStatus } from '../monitor/status-codec.ts';
import type { StatusDocument } from '../monitor/status-document.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import type { RowEngine } from '../ports/row-engine.ts';
import type { ChangeSource, Finding } from '../ports/source.ts';
import { openEngine, openLake, openSource } from './adapters.ts';
import { ServicePool } from './cluster/cluster-services.ts';
import { inspectKept } from './cluster/ledgers/kept-records.ts';
import { newTableProperties } from './open-store.ts';
import type { OpenedLake } from './adapters.ts';
import { carryOut } from './control/control-commands.ts';
import type { ControlCommand, ControlTask } from './control/control-commands.ts';
import { sendRequest } from './control/control-socket.ts';
import { dropTable } from './control/drop-table.ts';
import { upgradePlan } from './control/upgrade-table.ts';
import type { UpgradePlan } from './control/upgrade-table.ts';
import { haltedName, readHalts, writeHalts } from './state/halts.ts';
import { rememberProofs, withProofs } from './state/proofs.ts';
import { formatFindings } from './view/format-findings.ts';
import { findView, viewTables } from './view/lake-view.ts';
import type { LakeReaderParts } from './view/lake-view.ts';
import { ownershipPaths, takeOwnership } from './control/ownership.ts';
import type { Ownership, OwnershipKey } from './control/ownership.ts';
import type { PipelineParts, ServiceParts } from './pipeline-parts.ts';
import { runAsOwner, storeStatus } from './pipeline-owner.ts';
import { runPipeline } from './pipeline-runner.ts';
import type { RunState } from './run-state.ts';
import { openLakeReader } from './view/lake-reader.ts';
import type { LakeReader } from './view/lake-reader.ts';
import { openSchemaStore, ruleFor } from './state/schema-store.ts';
import { openStateFolder } from './state/state-folder.ts';
import type { StateFolder } from './state/state-folder.ts';
import { withHalts } from './view/status-builder.ts';
import { verifyTables } from './view/verify-tables.ts';
import type { VerifyReport } from './view/verify-tables.ts';

/** Opens a pipeline; nothing is written until something is asked for that writes. */
export async function openPipeline(parts: ServiceParts): Promise<PipelineService> {
  const lake = await openLake(parts);
  const state = openStateFolder(lake.store, parts.config.name);
  const ownership: OwnershipKey = {
    runtimeFolder: parts.runtimeFolder,
    catalogId: await lake.catalog.catalogId(),
    pipeline: parts.config.name,
  };
  return new PipelineService(parts, { lake, state, ownership });
}

interface Opened {
  readonly lake: OpenedLake;
  readonly state: StateFolder;
  readonly ownership: OwnershipKey;
}

/** One pipeline, until closed. */
export class PipelineService {
  readonly #parts: ServiceParts;
  readonly #opened: Opened;
  readonly #services: ServicePool;
  #source: Promise<ChangeSource> | null = null;
  #engine: Promise<RowEngine> | null = null;

  constructor(parts: ServiceParts, opened: Opened) {
    this.#parts = parts;
    this.#opened = opened;
    this.#services = parts.services ?? new ServicePool(parts);
  }

  /**
   * Owns the pipeline and runs it until stopped, or once. Gives the tables that are halted then.
   *
   * @throws FirnError PIPELINE-OWNED when another process owns it, and what no retry can pass
   */
  async run(options: { readonly once: boolean }): Promise<{ readonly halted: readonly string[] }> {
    const owned = this.#own();
    try {
      await runAsOwner(await this.#pipelineParts(), {
        once: options.once,
        signal: this.#parts.signal,
        socketPath: owned.socketPath,
        processId: this.#parts.processId,
      });
    } finally {
      owned.release();
    }
    const halts = [...(await readHalts(this.#opened.state))];
    return { halted: halts.flatMap(([name, { scope }]) => (scope === 'retired' ? [] : [name])) };
  }

  /** What would break or lose; changes nothing. */
  async check(): Promise<readonly Finding[]> {
    return (await this.source()).check();
  }

  /** The source, opened when first needed. */
  source(): Promise<ChangeSource> {
    this.#source ??= openSource(this.#parts);
    return this.#source;
  }

  /** From the owner, else the last stored document. */
  async status(): Promise<StatusDocument> {
    const { socketPath } = ownershipPaths(this.#opened.ownership);
    const request = { command: 'status', arguments: {} };
    const answer = await sendRequest(socketPath, request, () => undefined);
    const { state } = this.#opened;
    const where = state.locationOf('status.json');
    if (answer !== null) return withProofs(state, parseStatus(String(answer.result), where));
    const text = await state.read('status.json');
    if (text !== null) {
      const stored = { ...parseStatus(text, where), owner: null };
      return withProofs(state, withHalts(stored, await readHalts(state)));
    }
    const what = 'The pipeline has no status yet.';
    throw new FirnError('PIPELINE-STATE-MISSING', { what, where });
  }

  /** Tables for queries, tail and history. */
  async reader(): Promise<LakeReader> {
    return openLakeReader(this.#readerParts(), await this.#openEngine('reader'));
  }

  /**
   * Proves that bases equal the source; with `repair`, reads differing keys again and proves again.
   */
  async verify(options: {
    readonly table: string | null;
    readonly repair: boolean;
  }): Promise<VerifyReport> {
    const parts = {
      ...this.#readerParts(),
      clock: this.#parts.clock,
      source: await this.source(),
      engine: await this.#openEngine('reader'),
      signal: this.#parts.signal,
      documentsOf: (schema: TableSchema) => respelledDocuments(this.#parts.config, schema),
      isNamed: (table: Parameters<typeof ruleFor>[1]) =>
        ruleFor(this.#parts.config, table) !== null,
      reach: async (mark: Parameters<typeof formatMark>[0]) =>
        (await this.#ask('reach', { mark: formatMark(mark) })) !== null,
    };
    const prove = async (): Promise<VerifyReport> => {
      const report = await verifyTables(parts, options.table);
      await rememberProofs(this.#opened.state, report, this.#parts.clock.nowMs());
      return report;
    };
    const report = await prove();
    if (report.equal || !options.repair) return report;
    for (const proof of report.tables) {
      if (proof.kind !== 'compared' || proof.equal) continue;
      const keys = proof.result.differences.map((difference) => difference.key);
      await this.request('reread', { table: proof.table, keys });
    }
    return prove();
  }

  /**
   * Has a request carried out: by the owner, or by owning the pipeline for its duration.
   *
   * @throws FirnError PIPELINE-REQUEST-FAILED with the owner's words
   */
  async request(
    command: ControlCommand,
    args: Readonly<Record<string, unknown>>,
    onProgress: (text: string) => void = () => undefined,
  ): Promise<unknown> {
    const answer = await this.#ask(command, args, onProgress);
    if (answer !== null) return answer.result;
    if (command === 'drop') return this.#dropAlone(String(args['table']));
    if (command === 'resume') return this.#resumeAlone(String(args['table']));
    if (command === 'apply') return this.#applyAlone(onProgress);
    return this.#runFor({ command, arguments: args, progress: onProgress });
  }

  /** The lake tables that `drop` would remove. */
  async dropPlan(table: string): Promise<readonly string[]> {
    const view = findView(await viewTables(this.#readerParts()), table);
    return [view.base, view.ledger].flatMap((one) =>
      one === null ? [] : [`${one.identifier.namespace}.${one.identifier.name}`],
    );
  }

  /** What is to be said of the format versions of the bases; nothing before the first run. */
  async formatFindings(): Promise<readonly Finding[]> {
    const { fileName, base, lake } = this.#parts.config;
    const options = { fileName, deleteFormat: base.deleteFormat, readers: lake.readers };
    try {
      return formatFindings(await viewTables(this.#readerParts()), options);
    } catch (error) {
      if (isFirnError(error, 'PIPELINE-STATE-MISSING')) return [];
      throw error;
    }
  }

  /** How long Kafka keeps what the ledgers of a cluster lack. */
  keptRecords(): Promise<readonly Finding[]> {
    return inspectKept({ ...this.#parts, ...this.#readerParts() });
  }

  /** Those of `tables` that the catalog does not have. */
  async missingTables(tables: readonly TableIdentifier[]): Promise<readonly TableIdentifier[]> {
    const { catalog } = this.#opened.lake;
    const missing: TableIdentifier[] = [];
    for (const table of tables) if ((await catalog.loadTable(table)) === null) missing.push(table);
    return missing;
  }

  /** What `upgrade` would do to tables, and which declared readers it may shut out. */
  async upgradePlan(tables: readonly string[]): Promise<UpgradePlan> {
    const views = await viewTables(this.#readerParts());
    return upgradePlan(views, tables, this.#parts.config.lake.readers);
  }

  /** The statements that take everything of Firn's out of the source. */
  async uninstallPlan(): Promise<readonly string[]> {
    return (await this.source()).uninstallPlan();
  }

  /** Takes everything of Firn's out of the source. Nobody may own the pipeline. */
  async uninstall(): Promise<void> {
    await this.#owning(async () => (await this.source()).uninstall());
  }

  /** Loads chunks of tables that another process bootstraps, until none is left; owns nothing. */
  async join(): Promise<void> {
    const { joinBootstraps } = await import('./bootstrap-worker.ts');
    await joinBootstraps(await this.#pipelineParts('reader'), this.#parts.signal);
  }

  async close(): Promise<void> {
    if (this.#parts.services === undefined) await this.#services.close();
    await (await this.#source)?.close();
    await (await this.#engine)?.close();
    await this.#opened.lake.catalog.close();
    await this.#opened.lake.close();
  }

  #own(): Ownership {
    const owned = takeOwnership(this.#opened.ownership);
    if (owned !== null) return owned;
    throw new FirnError('PIPELINE-OWNED', {
      what: `Another process on this machine runs pipeline ${this.#parts.config.name}.`,
      where: this.#parts.config.fileName,
    });
  }

  async #owning<T>(work: () => Promise<T>): Promise<T> {
    const owned = this.#own();
    try {
      return await work();
    } finally {
      owned.release();
    }
  }

  /** An owner uses the same stage again and again, and finds in it what a crashed one left. */
  #openEngine(role: 'owner' | 'reader'): Promise<RowEngine> {
    const { clock, random } = this.#parts;
    const use = role === 'owner' ? `owner-${hostname()}` : uuidV7(clock, random);
    const { store, readFolders } = this.#opened.lake;
    this.#engine ??= openEngine({ ...this.#parts, store, readFolders, use });
    return this.#engine;
  }

  #readerParts(): LakeReaderParts {
    const { lake, state } = this.#opened;
    return { store: lake.store, catalog: lake.catalog, state };
  }

  async #pipelineParts(role: 'owner' | 'reader' = 'owner'): Promise<PipelineParts> {
    const { config, clock, random, signal, onEvent, copyLimits } = this.#parts;
    const { store, catalog } = this.#opened.lake;
    const writer = uuidV7(clock, random);
    return {
      config,
      clock,
      random,
      store,
      catalog,
      source: await this.source(),
      engine: await this.#openEngine(role),
      lake: {
        store,
        catalog,
        clock,
        random,
        pipeline: config.name,
        writer,
        foreignChanges: config.base.foreignChanges,
        queues: createTableQueues(),
        tableProperties: newTableProperties(config),
      },
      state: this.#opened.state,
      metrics: createMetrics(),
      signal,
      ...(copyLimits === undefined ? {} : { copyLimits }),
      services: this.#services,
      onEvent,
    };
  }

  /** Sends a request to the owner; `null` when there is none. */
  #ask(
    command: ControlCommand,
    args: Readonly<Record<string, unknown>>,
    onProgress: (text: string) => void = () => undefined,
  ): Promise<{ readonly result: unknown } | null> {
    const { socketPath } = ownershipPaths(this.#opened.ownership);
    return sendRequest(socketPath, { command, arguments: args }, onProgress);
  }

  /** Catches up once as the owner and carries out a task in that run. */
  async #runFor(task: ControlTask): Promise<unknown> {
    const owned = this.#own();
    try {
      const pipeline = await this.#pipelineParts();
      const done: { result: unknown } = { result: null };
      const tasks: Promise<void>[] = [];
      let last: RunState | null = null;
      await runPipeline(pipeline, {
        once: true,
        signal: this.#parts.signal,
        onRun: (run) => {
          last = run ?? last;
          if (run === null || tasks.length > 0) return;
          const carried = run.hold(async () => {
            done.result = await carryOut(pipeline, run, task);
          });
          tasks.push(carried);
        },
      });
      await Promise.all(tasks);
      await storeStatus(pipeline, { run: last, owner: null, trouble: null });
      if (task.command !== 'bootstrap') return done.result;
      // A table that starts over is loaded by the run after the one that was asked.
      const halts = await readHalts(pipeline.state);
      return {
        halted: halts.get(haltedName(halts, String(task.arguments['table'])) ?? '') ?? null,
      };
    } finally {
      owned.release();
    }
  }

  /** Without an owner the tables are opened, which starts capture, and nothing is read. */
  async #applyAlone(progress: (text: string) => void): Promise<null> {
    return this.#owning(async () => {
      const { applyAlone } = await import('./cluster/apply-now.ts');
      await applyAlone(await this.#pipelineParts(), { signal: this.#parts.signal, progress });
      return null;
    });
  }

  async #dropAlone(table: string): Promise<null> {
    return this.#owning(async () => {
      const { lake, state } = this.#opened;
      const schemas = await openSchemaStore(state, this.#parts.config);
      const { schema } = findView(await viewTables(this.#readerParts()), table);
      const { store, catalog } = lake;
      await dropTable({ store, catalog, state }, schemas, schema);
      return null;
    });
  }

  /** Without an owner, a halt is only taken away: the next run tries again. */
  async #resumeAlone(table: string): Promise<unknown> {
    const halts = await readHalts(this.#opened.state);
    const name =
      haltedName(halts, table) ?? findView(await viewTables(this.#readerParts()), table).name;
    const was = halts.get(name) ?? null;
    if (was?.scope === 'retired') return { was: null };
    if (was?.code === 'MERGE-STATE-OFF-CHAIN') {
      return this.#runFor({
        command: 'resume',
        arguments: { table },
        progress: () => undefined,
      });
    }
    return this.#owning(async () => {
      halts.delete(name);
      await writeHalts(this.#opened.state, halts);
      return { was };
    });
  }
}
