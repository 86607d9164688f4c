/** Requests about tables that many tests of the REST catalog make. */
import type { JsonObject, JsonValue } from '../../src/kernel/lossless-json.ts';
import type { RestCall, RestResponse, ServedLakePlace } from './served-lake.ts';

/** Path of the namespace of these tests, and of a table in it. */
export const SHOP = '/v1/namespaces/shop';

/** The path of a table of the namespace. */
export function tablePath(name: string): string {
  return `${SHOP}/tables/${encodeURIComponent(name)}`;
}

/** A schema of one column. */
export const SCHEMA: JsonObject = {
  type: 'struct',
  fields: [{ id: 1, name: 'id', required: true, type: 'long' }],
};

/** Makes the namespace. */
export async function makeShop(place: ServedLakePlace): Promise<void> {
  await place.call('/v1/namespaces', { body: { namespace: ['shop'] } });
}

/** Makes a table of the namespace. */
export function makeTable(
  place: ServedLakePlace,
  name: string,
  more: JsonObject = {},
): Promise<RestResponse> {
  return place.call(`${SHOP}/tables`, { body: { name, schema: SCHEMA, ...more } });
}

/** The metadata in an answer. */
export function metadataOf(response: RestResponse): JsonObject {
  return objectAt(response.body, 'metadata');
}

/** The JSON object under a key. */
export function objectAt(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`no object ${key}`);
  }
  return value as JsonObject;
}

/** The list under a key. */
export function listAt(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key];
  if (!Array.isArray(value)) throw new Error(`no list ${key}`);
  return value as readonly JsonValue[];
}

/** The text under a key. */
export function textAt(object: JsonObject, key: string): string {
  const value = object[key];
  if (typeof value !== 'string') throw new Error(`no text ${key}`);
  return value;
}

/** Type and message of an error answer. */
export function errorOf(response: RestResponse): { readonly type: string; readonly text: string } {
  const error = objectAt(response.body, 'error');
  return { type: textAt(error, 'type'), text: textAt(error, 'message') };
}

/** An append to main that relies on its head, as clients send it. */
export function appendBody(
  metadata: JsonObject,
  snapshotId: bigint,
  more: { readonly key?: string } = {},
): JsonObject {
  const current = metadata['current-snapshot-id'];
  const head = current === -1 || current === null || current === undefined ? null : current;
  const last = metadata['last-sequence-number'];
  const location = textAt(metadata, 'location');
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: textAt(metadata, 'table-uuid') },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': head },
    ],
    updates: [
      {
        action: 'add-snapshot',
        snapshot: {
          'snapshot-id': snapshotId,
          ...(head === null ? {} : { 'parent-snapshot-id': head }),
          'sequence-number': (typeof last === 'number' ? last : 0) + 1,
          'timestamp-ms': 1,
          'manifest-list': `${location}/metadata/snap-${snapshotId}.avro`,
          summary: { operation: 'append', ...(more.key === undefined ? {} : { key: more.key }) },
          'schema-id': 0,
        },
      },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId },
    ],
  };
}

/** Appends to a table until it succeeds; gives the number of conflicts on the way. */
export async function appendUntilDone(
  place: ServedLakePlace,
  work: { readonly table: string; readonly snapshotId: bigint; readonly key: string },
  call: RestCall = {},
): Promise<number> {
  for (let conflicts = 0; ; conflicts++) {
    const metadata = metadataOf(await place.call(tablePath(work.table)));
    const body = appendBody(metadata, work.snapshotId, { key: work.key });
    const { status } = await place.call(tablePath(work.table), { ...call, body });
    if (status === 200) return conflicts;
    if (status !== 409) throw new Error(`a commit was answered with ${status}`);
  }
}
