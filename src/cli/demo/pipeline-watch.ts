/** What the demo's pipeline process says, as numbers that the story is told with. */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';

/** Counts the events of `firn run --json`. */
export class PipelineWatch {
  /** Existing rows copied and published, by table. */
  readonly published = new Map<string, number>();
  /** Changes committed to ledgers, by table, since {@link takeChanges}. */
  #changes = new Map<string, number>();
  #total = 0;
  #lagMs: number | null = null;
  #commits = 0;
  #schemaChanges = 0;

  /** Takes one line of output. */
  take(line: string): void {
    const event = parseJson(line);
    const table = tableIn(event);
    switch (field(event, 'event')) {
      case 'published':
        this.published.set(table, numberIn(event, 'rows'));
        break;
      case 'committed':
        this.#takeCommit(event);
        break;
      case 'schema-changed':
        this.#schemaChanges += 1;
        break;
      default:
        break;
    }
  }

  #takeCommit(event: JsonValue): void {
    const tables = field(event, 'tables');
    for (const one of Array.isArray(tables) ? (tables as readonly JsonValue[]) : []) {
      const name = tableIn(one);
      const rows = numberIn(one, 'rows');
      this.#changes.set(name, (this.#changes.get(name) ?? 0) + rows);
      this.#total += rows;
    }
    const lag = field(event, 'lagMs');
    this.#lagMs = typeof lag === 'number' ? lag : null;
    this.#commits += 1;
  }

  /** Changes committed so far. */
  get total(): number {
    return this.#total;
  }

  get commits(): number {
    return this.#commits;
  }

  get schemaChanges(): number {
    return this.#schemaChanges;
  }

  /** From the commit at the source to the last commit in the lake, milliseconds. */
  get lagMs(): number | null {
    return this.#lagMs;
  }

  /** Changes by table since the last call. */
  takeChanges(): ReadonlyMap<string, number> {
    const taken = this.#changes;
    this.#changes = new Map();
    return taken;
  }
}

function field(value: JsonValue, key: string): JsonValue {
  if (typeof value !== 'object' || value === null) return null;
  const found: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
  return (found ?? null) as JsonValue;
}

/** The table's name without its namespace. */
function tableIn(value: JsonValue): string {
  const found = field(value, 'table');
  return typeof found === 'string' ? found.replace(/^.*\./, '') : '';
}

function numberIn(value: JsonValue, key: string): number {
  const found = field(value, key);
  return typeof found === 'number' ? found : 0;
}
