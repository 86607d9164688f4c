/**
 * The table's list of encrypted keys (Iceberg spec v3, "Encryption Keys"), kept as it is: Firn
 * reads no encrypted table, and loses no key of one.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { jsonFields } from '../json-fields.ts';
import type { TableMetadata } from '../table-metadata.ts';

const KEYS = 'encryption-keys';

function keysOf(table: TableMetadata): readonly JsonValue[] {
  return jsonFields(table.unknownFields, table.location).optionalList(KEYS) ?? [];
}

function idOf(key: JsonValue, table: TableMetadata): string {
  return jsonFields(key, `${table.location}: ${KEYS}`).text('key-id');
}

function withKeys(table: TableMetadata, keys: readonly JsonValue[]): TableMetadata {
  return { ...table, unknownFields: { ...table.unknownFields, [KEYS]: keys } };
}

/**
 * The table with one key more; one that is there already stays as it is.
 *
 * @throws {FirnError} ICEBERG-UPDATE-INVALID before format version 3; ICEBERG-JSON-INVALID
 */
export function withKey(table: TableMetadata, key: JsonObject): TableMetadata {
  if (table.formatVersion < 3) {
    throw new FirnError('ICEBERG-UPDATE-INVALID', {
      what: 'encryption keys need format version 3',
      where: table.location,
    });
  }
  const id = idOf(key, table);
  const keys = keysOf(table);
  return keys.some((item) => idOf(item, table) === id) ? table : withKeys(table, [...keys, key]);
}

/** The table without the key of this id. */
export function withoutKey(table: TableMetadata, keyId: string): TableMetadata {
  const keys = keysOf(table);
  const kept = keys.filter((item) => idOf(item, table) !== keyId);
  return kept.length === keys.length ? table : withKeys(table, kept);
}
