/** What a batch of changes has beside its columns, row by row: op, sequence, time, transaction. */
import type { ChangeBatch } from '../model/change-batch.ts';
import { ColumnBuilder } from '../model/column-builder.ts';

const FIRST_ROWS = 256;

/** What all rows of one rows event share. */
interface SharedMarks {
  readonly seq: bigint;
  readonly commitTsUs: bigint;
  /** UTF-8 name of the transaction. */
  readonly tx: Uint8Array | null;
}

/** Grows the marks of a batch; never shrinks its memory. */
export class RowMarks {
  #rowCount = 0;
  #op = new Uint8Array(FIRST_ROWS);
  #row = new Int32Array(FIRST_ROWS);
  #seq = new BigInt64Array(FIRST_ROWS);
  #commitTsUs = new BigInt64Array(FIRST_ROWS);
  readonly #tx = new ColumnBuilder({ kind: 'string' });
  #namedRows = 0;

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Adds a row; {@link setShared} must follow for it. */
  append(op: number, row: number): void {
    const place = this.#rowCount++;
    if (place === this.#op.length) this.#grow();
    this.#op[place] = op;
    this.#row[place] = row;
  }

  /** Sets sequence, time and transaction of all rows from `first` on. */
  setShared(first: number, { seq, commitTsUs, tx }: SharedMarks): void {
    const count = this.#rowCount - first;
    this.#seq.fill(seq, first, this.#rowCount);
    this.#commitTsUs.fill(commitTsUs, first, this.#rowCount);
    if (tx === null) {
      for (let index = 0; index < count; index++) this.#tx.appendNull();
    } else {
      this.#tx.appendRepeated(tx, count);
      this.#namedRows += count;
    }
  }

  /** How many rows stand at or before `seq`; sequences never go down. */
  countUpTo(seq: bigint): number {
    let count = this.#rowCount;
    while (count > 0 && (this.#seq[count - 1] ?? 0n) > seq) count--;
    return count;
  }

  truncate(rowCount: number): void {
    if (rowCount < this.#rowCount) this.#rowCount = rowCount;
    this.#tx.truncate(this.#rowCount);
  }

  /** The marks so far as arrays of their own; starts again empty. */
  finish(): Pick<ChangeBatch, 'op' | 'seq' | 'row' | 'commitTsUs' | 'tx'> {
    const rows = this.#rowCount;
    const tx = this.#tx.finish();
    const named = this.#namedRows > 0;
    this.#rowCount = 0;
    this.#namedRows = 0;
    return {
      op: this.#op.slice(0, rows),
      row: this.#row.slice(0, rows),
      seq: this.#seq.slice(0, rows),
      commitTsUs: this.#commitTsUs.slice(0, rows),
      tx: named ? tx : null,
    };
  }

  #grow(): void {
    const length = this.#op.length * 2;
    const op = new Uint8Array(length);
    const row = new Int32Array(length);
    const seq = new BigInt64Array(length);
    const commitTsUs = new BigInt64Array(length);
    op.set(this.#op);
    row.set(this.#row);
    seq.set(this.#seq);
    commitTsUs.set(this.#commitTsUs);
    this.#op = op;
    this.#row = row;
    this.#seq = seq;
    this.#commitTsUs = commitTsUs;
  }
}
