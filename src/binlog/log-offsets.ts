/**
 * Where in the log an event stands, counted in 64 bits. The log's own offsets have 32 bits and wrap
 * at 4 GiB; they tell what lies between two events (the server leaves some out), never how often
 * they wrapped.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { malformed } from './byte-cursor.ts';
import type { LogPlace } from './control-events.ts';
import { EVENT_TYPE } from './event-type.ts';

const WRAP = 2 ** 32;

/** Events that the server leaves out between two that it sends have fewer bytes than this. */
const GAP_BYTES_MAX = 2 ** 31;

/** Bits of the offset in a sequence; the file's number stands above them. */
const OFFSET_BITS = 40n;
const FILE_BYTES_MAX = 2 ** 40;
const FILE_NUMBER_MAX = 2 ** 23 - 1;

/** What of an event's header tells its place. */
interface HeaderPlace {
  readonly typeCode: number;
  readonly artificial: boolean;
  readonly sizeBytes: number;
  /** Offset after the event, its low 32 bits; 0: right behind the one before. */
  readonly logPosition: number;
}

/** An event's place. */
interface Offsets {
  readonly fileName: string;
  readonly startOffset: number;
  readonly endOffset: number;
}

/** Follows the log through its files. */
export class LogOffsets {
  #fileName = '';
  #offset = 0;
  #fileSequence = 0n;

  get fileName(): string {
    return this.#fileName;
  }

  get offset(): number {
    return this.#offset;
  }

  /**
   * Moves past an event and says where it stood. Events that the server makes for this connection
   * stand in no file and move nothing.
   *
   * @throws {FirnError} LOG-EVENT-MALFORMED when offsets go back or the log does not tell its file
   */
  move({ typeCode, artificial, sizeBytes, logPosition }: HeaderPlace): Offsets {
    const opening = typeCode === EVENT_TYPE.rotate || typeCode === EVENT_TYPE.format;
    const beside = typeCode === EVENT_TYPE.heartbeat || typeCode === EVENT_TYPE.heartbeatV2;
    if (artificial || beside || (opening && logPosition === 0)) return this.standing();
    if (this.#fileName === '') throw malformed('the log does not begin with its file’s name');
    // MariaDB does not write it into most events of a transaction from 11.4 on.
    const distance =
      logPosition === 0 ? sizeBytes : (logPosition - (this.#offset % WRAP) + WRAP) % WRAP;
    if (distance < sizeBytes || distance > sizeBytes + GAP_BYTES_MAX) {
      throw malformed(`an event does not stand behind the one before it`);
    }
    const endOffset = this.#offset + distance;
    if (endOffset >= FILE_BYTES_MAX) throw malformed('a log file is larger than 1 TiB');
    this.#offset = endOffset;
    return { fileName: this.#fileName, startOffset: endOffset - sizeBytes, endOffset };
  }

  /** Where the next event is expected. */
  standing(): Offsets {
    return { fileName: this.#fileName, startOffset: this.#offset, endOffset: this.#offset };
  }

  /** Goes on in another file, or at another place of this one. */
  rotate({ fileName, position }: LogPlace): void {
    if (position < 4 || position >= FILE_BYTES_MAX) {
      throw malformed('a rotate event names an impossible offset');
    }
    const digits = /\d+$/.exec(fileName)?.[0] ?? '';
    const fileNumber = Number.parseInt(digits, 10);
    if (!(fileNumber <= FILE_NUMBER_MAX)) {
      throw new FirnError('LOG-FILE-NUMBER', {
        what: `Log file ${fileName} has a number above ${FILE_NUMBER_MAX}`,
      });
    }
    this.#fileName = fileName;
    this.#offset = position;
    this.#fileSequence = BigInt(fileNumber) << OFFSET_BITS;
  }

  /** A heartbeat tells a place ahead when the server passed over transactions. */
  heartbeat({ fileName, position }: LogPlace): void {
    if (fileName !== this.#fileName || position < 4) return;
    const distance = (position - (this.#offset % WRAP) + WRAP) % WRAP;
    if (distance < GAP_BYTES_MAX && this.#offset + distance < FILE_BYTES_MAX) {
      this.#offset += distance;
    }
  }

  /** `seq` of a change at `offset` of this file: the file's number, then the offset. */
  sequenceAt(offset: number): bigint {
    return this.#fileSequence | BigInt(offset);
  }
}
