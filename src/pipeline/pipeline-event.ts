/** What a running pipeline tells whoever watches it: the command line's lines and progress. */
import type { SequenceMark } from '../model/change-sequence.ts';
import type { Halt } from './state/halts.ts';

/** One thing that happened. `table` is `namespace.table`. */
export type PipelineEvent =
  | { readonly kind: 'started'; readonly tables: readonly string[]; readonly epoch: number }
  | {
      readonly kind: 'bootstrap-progress';
      readonly table: string;
      readonly rows: number;
      /** Estimated rows in the source; `null` unknown. */
      readonly rowsTotal: number | null;
    }
  /** All rows that exist are in a branch; told by a process that loaded some of them. */
  | { readonly kind: 'loaded'; readonly table: string; readonly rows: number }
  | { readonly kind: 'published'; readonly table: string; readonly rows: number }
  | {
      readonly kind: 'committed';
      readonly tables: readonly { readonly table: string; readonly rows: number }[];
      readonly completeTo: SequenceMark;
      /** From the commit at the source to now, milliseconds; `null` unknown. */
      readonly lagMs: number | null;
    }
  | {
      readonly kind: 'merged';
      readonly table: string;
      readonly events: number;
      readonly rowsInserted: number;
      readonly rowsDeleted: number;
      readonly elapsedMs: number;
    }
  | {
      readonly kind: 'compacted';
      readonly table: string;
      readonly filesBefore: number;
      readonly filesAfter: number;
    }
  | { readonly kind: 'schema-changed'; readonly table: string; readonly version: number }
  | { readonly kind: 'halted'; readonly table: string; readonly halt: Halt }
  | {
      readonly kind: 'retrying';
      readonly code: string;
      readonly what: string;
      readonly remedy: string;
      readonly inMs: number;
    }
  | { readonly kind: 'note'; readonly text: string };
