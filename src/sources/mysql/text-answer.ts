/**
 * The answer to one of Firn's own small statements, from bytes to rows of text. Nothing is
 * believed: every packet's number and length is checked, every row fills its packet with as many
 * values as the answer has columns, and the answer is over when the server says so and nothing
 * follows.
 */
import { ByteCursor } from '../../binlog/byte-cursor.ts';
import { PacketFramer } from '../../binlog/packet-framer.ts';
import { unreachable } from '../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { errorOfPacket } from './connection-failure.ts';

/** A row of an answer: each value as text, `null` for NULL. */
export type TextRow = readonly (string | null)[];

/** What came of an answer. */
export type AnswerEnd =
  | { readonly kind: 'rows'; readonly rows: readonly TextRow[] }
  /** The server refused the statement; the connection is as good as before. */
  | { readonly kind: 'refused'; readonly error: Error };

/** Columns that an answer can have; tables of either server have at most 4,096. */
const COLUMNS_MAX = 4096;

const MARK = { ok: 0x00, null: 0xfb, end: 0xfe, error: 0xff } as const;

/** An EOF packet is shorter than this; a longer packet of that mark is a row. */
const END_BYTES_MAX = 9;

/** Status flag of a server that is going to give another answer. */
const MORE_ANSWERS = 8;

/** Takes the bytes of one answer, which begins with packet 1. */
export class TextAnswer {
  readonly #framer: PacketFramer;
  readonly #bytesMax: number;
  readonly #rows: TextRow[] = [];
  #bytes = 0;
  #phase: 'head' | 'columns' | 'rows' = 'head';
  #columnCount = 0;
  #columnsSeen = 0;

  /** Answers above `bytesMax` are refused. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#framer = new PacketFramer(bytesMax, 1);
  }

  /**
   * Takes bytes; the outcome, or `null` when more must come.
   *
   * @throws {FirnError} SOURCE-ANSWER-MALFORMED
   */
  take(chunk: Uint8Array): AnswerEnd | null {
    const framer = this.#framer;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) throw malformed('it is longer than anything Firn asks for');
    try {
      framer.feed(chunk);
      while (framer.next()) {
        const end = this.#packet(framer.bytes.subarray(framer.at, framer.end));
        if (end === null) continue;
        if (framer.hasRest) throw malformed('bytes follow its end');
        return end;
      }
      return null;
    } catch (error) {
      if (!isFirnError(error) || error.code === 'SOURCE-ANSWER-MALFORMED') throw error;
      throw malformed(error.what);
    }
  }

  #packet(body: Uint8Array): AnswerEnd | null {
    const first = body[0];
    if (first === undefined) throw malformed('a packet is empty');
    if (first === MARK.error) return { kind: 'refused', error: errorOfPacket(body) };
    const isEnd = first === MARK.end && body.length < END_BYTES_MAX;
    switch (this.#phase) {
      case 'head':
        return this.#head(body);
      case 'columns':
        if (isEnd !== (this.#columnsSeen === this.#columnCount)) {
          throw malformed('it describes another number of columns than it has');
        }
        if (isEnd) this.#phase = 'rows';
        this.#columnsSeen++;
        return null;
      case 'rows':
        if (isEnd) return this.#finish((body[3] ?? 0) | ((body[4] ?? 0) << 8));
        this.#rows.push(this.#row(new ByteCursor(body)));
        return null;
      default:
        return unreachable(this.#phase);
    }
  }

  #head(body: Uint8Array): AnswerEnd | null {
    if (body[0] === MARK.null) throw malformed('the server asks for a file of this machine');
    const cursor = new ByteCursor(body);
    if (body[0] === MARK.ok) {
      cursor.skip(1);
      cursor.packedBigInt();
      cursor.packedBigInt();
      return this.#finish(cursor.uint(2));
    }
    this.#columnCount = cursor.packedInt();
    if (this.#columnCount > COLUMNS_MAX || cursor.remaining > 0) {
      throw malformed('it has an impossible number of columns');
    }
    this.#phase = 'columns';
    return null;
  }

  #row(cursor: ByteCursor): TextRow {
    const row: (string | null)[] = [];
    for (let column = 0; column < this.#columnCount; column++) {
      const first = cursor.uint(1);
      if (first === MARK.null) row.push(null);
      else row.push(cursor.text(first < MARK.null ? first : cursor.packedIntAfter(first)));
    }
    if (cursor.remaining > 0) throw malformed('a row has more values than the answer has columns');
    return row;
  }

  #finish(status: number): AnswerEnd {
    if ((status & MORE_ANSWERS) !== 0) throw malformed('another answer follows');
    return { kind: 'rows', rows: this.#rows };
  }
}

function malformed(why: string): FirnError {
  return new FirnError('SOURCE-ANSWER-MALFORMED', {
    what: `The answer to a statement is broken: ${why}`,
  });
}
