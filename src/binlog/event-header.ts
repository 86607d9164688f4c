/**
 * The header of an event and the checksum at its end: nothing of an event is read before its length
 * fits its packet, its CRC32 fits its bytes and its offset fits the event before.
 */
import { crc32 } from 'node:zlib';
import { FirnError } from '../kernel/firn-error.ts';
import { malformed } from './byte-cursor.ts';
import { readFormat } from './control-events.ts';
import { EVENT_TYPE } from './event-type.ts';
import type { EventPlace } from './log-event.ts';
import type { LogOffsets } from './log-offsets.ts';
import type { ByteRun } from './rows-event.ts';

const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
const ARTIFICIAL = 0x20;

/** An event behind its header and before its checksum. */
export interface OpenEvent extends ByteRun {
  readonly typeCode: number;
  readonly flags: number;
  /** Made by the server for this connection. */
  readonly artificial: boolean;
  readonly place: EventPlace;
  /** Inside a compressed transaction. */
  readonly inner: boolean;
}

/** Opens events; remembers whether the present file has checksums. */
export class EventHeaders {
  /** A format description says it for the events behind it. */
  #checksums = false;

  /**
   * Opens the event that fills `packet` and moves `offsets` past it.
   *
   * @throws {FirnError} LOG-CHECKSUM, LOG-EVENT-MALFORMED, LOG-FORMAT-UNKNOWN
   */
  open(packet: ByteRun, offsets: LogOffsets): OpenEvent {
    const { bytes, view, at, end } = packet;
    if (end - at < HEADER_BYTES || view.getUint32(at + 9, true) !== end - at) {
      throw malformed('an event has another length than its packet');
    }
    const typeCode = view.getUint8(at + 4);
    const flags = view.getUint16(at + 17, true);
    const artificial = (flags & ARTIFICIAL) !== 0;
    const checked = this.#hasChecksum(packet, typeCode, artificial);
    const checksum = checked ? view.getUint32(end - CHECKSUM_BYTES, true) : null;
    const bodyEnd = checked ? end - CHECKSUM_BYTES : end;
    const body = at + HEADER_BYTES;
    if (bodyEnd < body) throw malformed('an event is shorter than its checksum');
    if (checksum !== null && checksum !== crc32(bytes.subarray(at, bodyEnd))) {
      throw new FirnError('LOG-CHECKSUM', { what: 'An event does not match its checksum' });
    }
    const { fileName, startOffset, endOffset } = offsets.move({
      typeCode,
      artificial,
      sizeBytes: end - at,
      logPosition: view.getUint32(at + 13, true),
    });
    const place: EventPlace = {
      timestampSec: view.getUint32(at, true),
      serverId: view.getUint32(at + 5, true),
      fileName,
      startOffset,
      endOffset,
      checksum,
    };
    return {
      bytes,
      view,
      at: body,
      end: bodyEnd,
      typeCode,
      flags,
      artificial,
      place,
      inner: false,
    };
  }

  /**
   * Whether an event ends by a checksum. An artificial rotate comes before the format of its file
   * is known, and a format description says it itself.
   */
  #hasChecksum({ bytes, view, at, end }: ByteRun, typeCode: number, artificial: boolean): boolean {
    if (typeCode === EVENT_TYPE.format) {
      this.#checksums = readFormat(bytes.subarray(at + HEADER_BYTES, end)).checksums;
      return this.#checksums;
    }
    if (typeCode !== EVENT_TYPE.rotate || !artificial) return this.#checksums;
    if (end - at < HEADER_BYTES + CHECKSUM_BYTES) return false;
    const bodyEnd = end - CHECKSUM_BYTES;
    return view.getUint32(bodyEnd, true) === crc32(bytes.subarray(at, bodyEnd));
  }
}

/**
 * Opens the event at the start of `run`, the rest of a compressed transaction: it has a header and
 * no checksum, and stands where the transaction's payload stands.
 *
 * @throws {FirnError} LOG-EVENT-MALFORMED when it is cut short
 */
export function openInnerEvent(run: ByteRun, outer: EventPlace): OpenEvent {
  const { bytes, view, at } = run;
  const sizeBytes = run.end - at < HEADER_BYTES ? 0 : view.getUint32(at + 9, true);
  if (sizeBytes < HEADER_BYTES || sizeBytes > run.end - at) {
    throw malformed('an event of a compressed transaction is cut short');
  }
  return {
    bytes,
    view,
    at: at + HEADER_BYTES,
    end: at + sizeBytes,
    typeCode: view.getUint8(at + 4),
    flags: view.getUint16(at + 17, true),
    artificial: false,
    place: {
      ...outer,
      timestampSec: view.getUint32(at, true),
      serverId: view.getUint32(at + 5, true),
    },
    inner: true,
  };
}
