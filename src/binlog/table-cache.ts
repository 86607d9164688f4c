/**
 * The tables that the log has described, by the server's table id. Every statement repeats its
 * tables' maps; one that has not changed costs a comparison of bytes. Bounded: the one unused for
 * longest goes first, and is asked for again at its next map.
 */
import type { LogTable } from './log-table.ts';
import type { TableReader } from './table-reader.ts';

const TABLES_MAX = 4096;
const TABLES_BYTES_MAX = 64 * 1024 * 1024;
/** Never dropped: a statement names its tables right before their rows. */
const TABLES_MIN = 256;

/** A described table. */
export interface KnownTable {
  readonly table: LogTable;
  /** Where its rows go; `null`: nowhere. */
  reader: TableReader | null;
  /** Whether somebody asked to be asked again. */
  stale: boolean;
}

/** Tables by id, least recently described first. */
export class TableCache {
  readonly #tables = new Map<number, KnownTable>();
  #bytes = 0;

  get(tableId: number): KnownTable | undefined {
    return this.#tables.get(tableId);
  }

  /**
   * The table if it is still as the map's `definition` says, and nobody wants to be asked again.
   */
  touch(tableId: number, definition: Uint8Array): KnownTable | null {
    const known = this.#tables.get(tableId);
    if (known === undefined || known.stale) return null;
    if (!sameBytes(known.table.definition, definition)) return null;
    if (this.#tables.size > TABLES_MIN) {
      this.#tables.delete(tableId);
      this.#tables.set(tableId, known);
    }
    return known;
  }

  set(known: KnownTable): void {
    const { tableId, definition } = known.table;
    this.#delete(tableId);
    this.#tables.set(tableId, known);
    this.#bytes += definition.length;
    for (const oldest of this.#tables.keys()) {
      const size = this.#tables.size;
      if (size <= TABLES_MIN) return;
      if (size <= TABLES_MAX && this.#bytes <= TABLES_BYTES_MAX) return;
      this.#delete(oldest);
    }
  }

  /** All tables, for marking. */
  values(): Iterable<KnownTable> {
    return this.#tables.values();
  }

  #delete(tableId: number): void {
    const known = this.#tables.get(tableId);
    if (known === undefined) return;
    this.#bytes -= known.table.definition.length;
    this.#tables.delete(tableId);
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[index]) return false;
  }
  return true;
}
