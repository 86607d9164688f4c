/** The status document as text. Reading refuses what this version does not understand, by name. */
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { readShape } from './document-shape.ts';
import { STATUS_VERSION } from './status-document.ts';
import type { StatusDocument } from './status-document.ts';
import { statusShape } from './status-shape.ts';

/** One line of JSON. */
export function formatStatus(status: StatusDocument): string {
  return stringifyJson(status);
}

/**
 * Reads {@link formatStatus}'s text. Optional fields that are missing read as `null`.
 *
 * @param where the file or socket it came from, for messages
 * @throws {FirnError} PIPELINE-STATUS-INVALID, PIPELINE-STATUS-VERSION
 */
export function parseStatus(text: string, where: string): StatusDocument {
  const value = parseText(text, where);
  const version = versionOf(value);
  if (version !== STATUS_VERSION) {
    const found = `the status document has version ${version ?? 'none'}`;
    throw new FirnError('PIPELINE-STATUS-VERSION', {
      what: `${found}, this program reads ${STATUS_VERSION}`,
      where,
    });
  }
  const read = readShape(value, statusShape);
  if (typeof read === 'string') {
    throw new FirnError('PIPELINE-STATUS-INVALID', { what: read, where });
  }
  // The shape was checked just above, and it does not compile unless it is the type's own.
  return read.value as unknown as StatusDocument;
}

function parseText(text: string, where: string): JsonValue {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new FirnError('PIPELINE-STATUS-INVALID', { what: 'it is not JSON', where, cause });
  }
}

function versionOf(value: JsonValue): number | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const version: unknown = Object.getOwnPropertyDescriptor(value, 'version')?.value;
  return typeof version === 'number' ? version : null;
}
