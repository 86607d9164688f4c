/**
 * What the rows of the journal mean at each place: follows the marks that reconciling left there,
 * asks for schemas before rows use them, and halts single tables.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import { ERROR_REGISTRY } from '../../kernel/error-registry.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { StreamRequest } from '../../ports/source.ts';
import { identityWidth, imageWidth, sourceTableOf } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { LOG_OP } from './journal-names.ts';
import { VALUES_FROM, journalCode } from './journal-reader.ts';
import type { JournalReader, StreamedTable } from './journal-reader.ts';
import { readPlans } from './journal.ts';
import type { StoredPlan } from './journal.ts';
import { STARTED } from './reconcile.ts';
import { foldName, sameName } from './sql-text.ts';
import type { SqliteRow } from './sqlite-value.ts';
import { TableChanges, readingOf } from './table-changes.ts';

/** What binding needs. */
export interface BinderParts {
  readonly db: DatabaseSync;
  readonly reader: JournalReader;
  readonly request: StreamRequest;
  readonly rules: readonly TableRule[];
  /** Why tables could not be captured, by folded name, as preparing found out. */
  readonly refusals: ReadonlyMap<string, FirnError>;
}

/** Knows the streamed tables and the plans of their rows. */
export class PlanBinder {
  readonly #parts: BinderParts;
  readonly #tables = new Map<string, StreamedTable>();
  #plans: readonly StoredPlan[] = [];

  constructor(parts: BinderParts) {
    this.#parts = parts;
  }

  get tables(): IterableIterator<StreamedTable> {
    return this.#tables.values();
  }

  /** Plans of the journal as last read. */
  get plans(): readonly CapturePlan[] {
    return this.#plans.map(({ plan }) => plan);
  }

  /** Whether the plan a table is read by is the one by which it is captured now. */
  isInForce(table: StreamedTable): boolean {
    return this.#plans.some(({ plan, until }) => until === null && plan === table.plan);
  }

  /**
   * Takes up the requested tables as they are at `fromId`; gives events for those that cannot go.
   */
  begin(fromId: number): SourceEvent[] {
    this.reload();
    const events: SourceEvent[] = [];
    for (const schema of this.#parts.request.tables) {
      const { table } = schema.table;
      const choice = chooseTable(this.#parts.rules, table);
      const alive = this.#plans.some(
        ({ plan, until }) => sameName(plan.table, table) && (until === null || until > fromId),
      );
      if (choice !== null && alive) this.#tables.set(foldName(table), this.#open(schema, choice));
      else events.push(this.#absent(schema));
    }
    return events;
  }

  /** Reads the plans again, after the schema of the database changed. */
  reload(): void {
    const known = new Map(this.#plans.map((stored) => [stored.id, stored.plan]));
    this.#plans = readPlans(this.#parts.db).map((stored) => ({
      ...stored,
      plan: known.get(stored.id) ?? stored.plan,
    }));
  }

  /**
   * Handles a row at which reading stopped.
   *
   * @returns whether the row was a mark and is done with; otherwise it can be read now
   */
  async handle(row: SqliteRow, id: number): Promise<{ isDone: boolean; events: SourceEvent[] }> {
    const { captureId, op } = journalCode(row);
    const isMark = op === LOG_OP.start || op === LOG_OP.plan || op === LOG_OP.end;
    const stored = await this.#planOf(captureId, id);
    const table = stored === null ? undefined : this.#tables.get(foldName(stored.plan.table));
    const isDead = table?.changes === null && op !== LOG_OP.start;
    if (stored === null || table === undefined || isDead) {
      this.#parts.reader.bind(captureId, null);
      return { isDone: isMark, events: [] };
    }
    this.#parts.reader.flush(table);
    const own = { stored, table, row, id };
    if (op === LOG_OP.start) return { isDone: true, events: await this.#start(own) };
    if (op === LOG_OP.end) return { isDone: true, events: this.#end(own) };
    return { isDone: isMark, events: await this.#bind(stored, table) };
  }

  async #planOf(captureId: number, id: number): Promise<StoredPlan | null> {
    if (captureId === 0) return null;
    const find = (): StoredPlan | undefined =>
      this.#plans.find((stored) => stored.id === captureId);
    const known = find();
    if (known !== undefined) return known;
    this.reload();
    const found = find();
    if (found !== undefined) return found;
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `Row ${id} of the journal belongs to a plan that is not in the database`,
    });
  }

  #open(schema: TableSchema, choice: StreamedTable['choice']): StreamedTable {
    const changes = this.#newChanges(schema);
    return { choice, schema, changes, plan: null, reading: null, pending: new Map() };
  }

  #newChanges(schema: TableSchema): TableChanges {
    const { epoch, beforeImages } = this.#parts.request;
    return new TableChanges(schema, { epoch, beforeImages });
  }

  #absent(schema: TableSchema): SourceEvent {
    const { table } = schema;
    const known = this.#parts.refusals.get(foldName(table.table));
    const error =
      known ??
      new FirnError('SOURCE-CAPTURE-ENDED', {
        what: 'The database does not record changes of this table',
        where: formatTableName(table),
      });
    return { kind: 'table-halted', table, error, recovery: 'operator', completeFrom: null };
  }

  async #start(own: OwnMark): Promise<SourceEvent[]> {
    const { table, row, id } = own;
    const [reason, detail] = [row[VALUES_FROM], row[VALUES_FROM + 1]];
    const began = 'Capture of the table began behind the place that is read from';
    const error = new FirnError(reason === STARTED ? 'SOURCE-CAPTURE-BEGAN' : errorCode(reason), {
      what: typeof detail === 'string' ? detail : began,
      where: formatTableName(table.schema.table),
    });
    table.pending.clear();
    table.changes = this.#newChanges(table.schema);
    table.plan = null;
    const halted: SourceEvent = {
      kind: 'table-halted',
      table: table.schema.table,
      error,
      recovery: 'bootstrap',
      completeFrom: { epoch: this.#parts.request.epoch, seq: BigInt(id) },
    };
    return [halted, ...(await this.#bind(own.stored, table))];
  }

  #end(own: OwnMark): SourceEvent[] {
    const { table, row } = own;
    if (table.changes === null) return [];
    const [reason, detail] = [row[VALUES_FROM], row[VALUES_FROM + 1]];
    const error = new FirnError(errorCode(reason), {
      what: typeof detail === 'string' ? detail : 'The table was taken out of capture',
      where: formatTableName(table.schema.table),
    });
    this.#parts.reader.halt(table, error);
    return [];
  }

  /** Makes rows of a plan readable; asks for a schema first when the plan has columns it lacks. */
  async #bind(stored: StoredPlan, table: StreamedTable): Promise<SourceEvent[]> {
    const { reader } = this.#parts;
    const events: SourceEvent[] = [];
    try {
      if (this.#isAhead(stored, table)) events.push(...(await this.#resolve(stored.plan, table)));
      const reading = readingOf(stored.plan, table.schema, table.choice);
      table.plan = stored.plan;
      table.reading = reading;
      reader.bind(stored.id, {
        table,
        plan: stored.plan,
        reading,
        imageWidth: imageWidth(stored.plan),
        identityWidth: identityWidth(stored.plan),
      });
    } catch (error) {
      if (!isFirnError(error)) throw error;
      if (error.disposition !== 'halt-table' && error.disposition !== 'refuse') throw error;
      reader.halt(table, error);
      reader.bind(stored.id, null);
    }
    return events;
  }

  /** Whether a plan has columns that the schema lacks and that the table did not lose since. */
  #isAhead(stored: StoredPlan, table: StreamedTable): boolean {
    if (table.plan === null && stored.until === null) {
      return !coveredBy(stored.plan, table.schema);
    }
    const newest = this.#plans.findLast(({ plan }) => sameName(plan.table, stored.plan.table));
    const lasting = stored.plan.image.filter(({ name }) =>
      newest?.plan.image.some((column) => column.name === name),
    );
    const known = new Set(table.schema.columns.map(({ sourceName }) => sourceName));
    return lasting.some(({ name }) => !known.has(name));
  }

  async #resolve(plan: CapturePlan, table: StreamedTable): Promise<SourceEvent[]> {
    const { namespace } = table.schema.table;
    const source = sourceTableOf(plan, table.choice, { namespace, rowsEstimate: null });
    const schema = await this.#parts.request.resolveSchema(source);
    if (schema.version === table.schema.version) return [];
    table.schema = schema;
    table.changes = this.#newChanges(schema);
    this.#parts.reader.unbindAll();
    return [{ kind: 'schema-changed', schema }];
  }
}

interface OwnMark {
  readonly stored: StoredPlan;
  readonly table: StreamedTable;
  readonly row: SqliteRow;
  readonly id: number;
}

function coveredBy(plan: CapturePlan, schema: TableSchema): boolean {
  const captured = plan.image.map(({ name }) => name);
  const known = schema.columns.map(({ sourceName }) => sourceName);
  return captured.length === known.length && captured.every((name) => known.includes(name));
}

/** Codes in the journal were written by this program, perhaps by a later version of it. */
function errorCode(value: unknown): ErrorCode {
  const codes = Object.keys(ERROR_REGISTRY) as ErrorCode[];
  return codes.find((code) => code === value) ?? 'SOURCE-CAPTURE-ENDED';
}
