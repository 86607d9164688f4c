/**
 * Which tables are halted and why (docs/spec/pipeline.md P5). Kept in the warehouse, so that a
 * halted table stays halted over a restart until somebody resumes it or loads it again.
 */
import { isFirnError } from '../../kernel/firn-error.ts';
import type { FirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import { createTurns } from './in-turn.ts';
import type { StateFolder } from './state-folder.ts';

/**
 * What stopped: reading changes into the ledger, or only merging them into the base; `refused`: the
 * source cannot give the table, which is looked at again at every start; `retired`: it was dropped
 * in the source, and its copy stays by the pipeline file's own word (docs/spec/pipeline.md P16).
 */
export type HaltScope = 'capture' | 'merge' | 'refused' | 'retired';

/** Why a table is halted. */
export interface Halt {
  readonly scope: HaltScope;
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
  /** Whether loading the table again repairs it without an operator. */
  readonly recovery: 'bootstrap' | 'operator';
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** Of a retired table. */
  readonly dropped?: DroppedTable;
}

/** How a table went. */
export interface DroppedTable {
  /** Alone, or with its whole database. */
  readonly with: 'table' | 'database';
  /** The copy holds everything once the ledger has come to this: `epoch:seq`. */
  readonly completeTo: string;
}

/** The halt that `error` asks for. */
export function haltOf(
  error: FirnError,
  detail: Pick<Halt, 'scope' | 'recovery' | 'sinceMs'>,
): Halt {
  return { ...detail, code: error.code, what: error.what, remedy: error.remedy };
}

/** Whether an error stops one table only. */
export function haltsTable(error: unknown): error is FirnError {
  return isFirnError(error) && error.disposition === 'halt-table';
}

/** What `writeHalts` stores. */
interface StoredHalts {
  readonly tables?: Readonly<Record<string, Halt>>;
}

/** Halts of the pipeline's tables by table name. */
export async function readHalts(state: StateFolder): Promise<Map<string, Halt>> {
  const text = await state.read('halts.json');
  if (text === null) return new Map();
  // Written by `writeHalts` only; a damaged file must not keep a pipeline from starting.
  try {
    const value = parseJson(text) as unknown as StoredHalts;
    return new Map(Object.entries(value.tables ?? {}));
  } catch {
    return new Map();
  }
}

/**
 * The halted table that a request names, as `table` or `namespace.table`; `null` if there is none.
 */
export function haltedName(halts: ReadonlyMap<string, Halt>, name: string): string | null {
  const names = [...halts.keys()];
  // Namespaces have no dots, tables may.
  return names.find((full) => full === name || full.slice(full.indexOf('.') + 1) === name) ?? null;
}

const inTurn = createTurns<StateFolder>();

/**
 * Changes what is stored. One change waits for the other: tasks beside one another must not take
 * away what the other has just stored.
 */
export function changeHalts(
  state: StateFolder,
  change: (halts: Map<string, Halt>) => ReadonlyMap<string, Halt>,
): Promise<void> {
  return inTurn(state, async () => writeHalts(state, change(await readHalts(state))));
}

/** Stores all halts. */
export async function writeHalts(
  state: StateFolder,
  halts: ReadonlyMap<string, Halt>,
): Promise<void> {
  const tables = Object.fromEntries(halts);
  await state.write('halts.json', `${JSON.stringify({ version: 1, tables }, null, 1)}\n`);
}
