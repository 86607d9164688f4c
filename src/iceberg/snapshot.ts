/**
 * Snapshots and the refs that name them (Iceberg spec, "Snapshots" and "Snapshot References").
 * Ids, sequence numbers and row ids are `bigint`: other writers use all 63 bits of an id.
 */
import { jsonInteger } from '../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { invalidJson, jsonFields, jsonTexts } from './json-fields.ts';
import type { JsonFields } from './json-fields.ts';

/** The branch that readers see unless they ask for another. */
export const MAIN_BRANCH = 'main';

/** What a snapshot did to the table's content. Others than these come from foreign writers. */
export type SnapshotOperation = 'append' | 'replace' | 'overwrite' | 'delete';

/** One state of the table. */
export interface Snapshot {
  readonly snapshotId: bigint;
  /** `null` for the first snapshot of a line of history. */
  readonly parentSnapshotId: bigint | null;
  /** Orders all commits of the table; 0 in format v1. */
  readonly sequenceNumber: bigint;
  /** Milliseconds since 1970; never decides an order. */
  readonly timestampMs: number;
  /** Location of the manifest list; empty where a snapshot of format v1 names its manifests. */
  readonly manifestList: string;
  /** Holds at least `operation`; empty where an old writer left it out. */
  readonly summary: Readonly<Record<string, string>>;
  /** Schema that was current; `null` where an old writer left it out. */
  readonly schemaId: number | null;
  /** Format v3: first row id given to this snapshot's rows. */
  readonly firstRowId: bigint | null;
  /** Format v3: how many row ids the snapshot took. */
  readonly addedRows: bigint | null;
  /** Keys that Firn does not know, kept as they are. */
  readonly unknownFields: JsonObject;
}

/** A named pointer at a snapshot. A branch moves with commits, a tag stays. */
export interface SnapshotRef {
  readonly kind: 'branch' | 'tag';
  readonly snapshotId: bigint;
  /** Branches only: how many of its snapshots expiry must keep. */
  readonly minSnapshotsToKeep?: number;
  /** Branches only: age up to which expiry must keep its snapshots. */
  readonly maxSnapshotAgeMs?: bigint;
  /** Age after which expiry may drop the ref itself. */
  readonly maxRefAgeMs?: bigint;
}

/** Where the snapshots of a table are found; `TableMetadata` is one. */
export interface SnapshotSet {
  readonly snapshots: readonly Snapshot[];
  readonly refs: Readonly<Record<string, SnapshotRef>>;
}

/** The snapshot with this id, or `null` when there is none (expired, or never there). */
export function findSnapshot(set: SnapshotSet, snapshotId: bigint): Snapshot | null {
  // Commits look for recent snapshots, and those stand at the end.
  return set.snapshots.findLast((snapshot) => snapshot.snapshotId === snapshotId) ?? null;
}

/** The ref of this name, or `null`. */
export function findRef(set: SnapshotSet, name: string): SnapshotRef | null {
  return Object.hasOwn(set.refs, name) ? (set.refs[name] ?? null) : null;
}

/** The snapshot a ref points at, or `null` when the ref is not there. */
export function refSnapshot(set: SnapshotSet, name: string): Snapshot | null {
  const ref = findRef(set, name);
  return ref === null ? null : findSnapshot(set, ref.snapshotId);
}

/**
 * Whether `after` begins with the snapshots of `before`: nothing was removed. `false` says only
 * that it must be looked into.
 */
export function hasOnlyGrown(before: readonly Snapshot[], after: readonly Snapshot[]): boolean {
  return before.every(({ snapshotId }, index) => after[index]?.snapshotId === snapshotId);
}

/**
 * The snapshot with this id and its ancestors, newest first, as far back as they have not been
 * expired. A forged circle of parents ends where it would repeat.
 */
export function* ancestors(set: SnapshotSet, snapshotId: bigint | null): Generator<Snapshot> {
  const { snapshots } = set;
  // Parents stand before their children as a rule: few are passed over before the next is found.
  const passed = new Map<bigint, Snapshot>();
  let index = snapshots.length;
  let next = snapshotId;
  while (next !== null) {
    let found = passed.get(next);
    passed.delete(next);
    while (found === undefined && index > 0) {
      index -= 1;
      const snapshot = snapshots[index];
      if (snapshot?.snapshotId === next) found = snapshot;
      else if (snapshot !== undefined) passed.set(snapshot.snapshotId, snapshot);
    }
    if (found === undefined) return;
    yield found;
    next = found.parentSnapshotId;
  }
}

const knownKeys = new Set([
  'snapshot-id',
  'parent-snapshot-id',
  'sequence-number',
  'timestamp-ms',
  'manifest-list',
  'summary',
  'schema-id',
  'first-row-id',
  'added-rows',
]);

/** Every entry of a JSON object whose key is not in `known`. */
export function unknownFields(object: JsonObject, known: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !known.has(key)));
}

/**
 * A JSON object whose values are all strings; missing is empty.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 */
export function stringRecord(value: JsonValue, where: string): Readonly<Record<string, string>> {
  if (value === null) return {};
  const entries = Object.entries(jsonFields(value, where).object).map(([key, item]) => {
    if (typeof item !== 'string') throw invalidJson('every value must be a string', where);
    return [key, item] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * Reads a snapshot.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID, also for one that names neither list nor manifests
 */
export function snapshotFromJson(json: JsonValue, where: string): Snapshot {
  const fields = jsonFields(json, where);
  return {
    snapshotId: fields.long('snapshot-id'),
    parentSnapshotId: fields.optionalLong('parent-snapshot-id'),
    sequenceNumber: fields.optionalLong('sequence-number') ?? 0n,
    timestampMs: readMs(fields.long('timestamp-ms'), `${where}.timestamp-ms`),
    manifestList: readManifestLocation(fields),
    summary: stringRecord(fields.value('summary'), `${where}.summary`),
    schemaId: fields.optionalInt('schema-id'),
    firstRowId: fields.optionalLong('first-row-id'),
    addedRows: fields.optionalLong('added-rows'),
    unknownFields: unknownFields(fields.object, knownKeys),
  };
}

/** Snapshots of early v1 tables have `manifests` in place of a list; it stays an unknown field. */
function readManifestLocation(fields: JsonFields): string {
  const manifests = fields.optionalList('manifests');
  const list = fields.optionalText('manifest-list');
  if (list !== null || manifests === null) return fields.text('manifest-list');
  jsonTexts(manifests, `${fields.where}.manifests`);
  return '';
}

/** The JSON form of a snapshot; v1 has no sequence numbers. */
export function snapshotToJson(snapshot: Snapshot, formatVersion: 1 | 2 | 3): JsonObject {
  const { parentSnapshotId, schemaId, firstRowId, addedRows } = snapshot;
  return {
    ...(formatVersion === 1 ? {} : { 'sequence-number': jsonInteger(snapshot.sequenceNumber) }),
    'snapshot-id': jsonInteger(snapshot.snapshotId),
    ...(parentSnapshotId === null ? {} : { 'parent-snapshot-id': jsonInteger(parentSnapshotId) }),
    'timestamp-ms': snapshot.timestampMs,
    summary: snapshot.summary,
    ...(snapshot.manifestList === '' ? {} : { 'manifest-list': snapshot.manifestList }),
    ...(schemaId === null ? {} : { 'schema-id': schemaId }),
    ...(firstRowId === null ? {} : { 'first-row-id': jsonInteger(firstRowId) }),
    ...(addedRows === null ? {} : { 'added-rows': jsonInteger(addedRows) }),
    ...snapshot.unknownFields,
  };
}

/**
 * A point in time in milliseconds, which a number holds exactly for the next 285,000 years.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 */
export function readMs(value: bigint, where: string): number {
  if (value < 0n || value > 9_007_199_254_740_991n) {
    throw invalidJson('a time must be a number of milliseconds since 1970', where);
  }
  return Number.parseInt(value.toString(), 10);
}

/**
 * Reads a ref.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 */
export function snapshotRefFromJson(json: JsonValue, where: string): SnapshotRef {
  const fields = jsonFields(json, where);
  const kind = fields.text('type');
  if (kind !== 'branch' && kind !== 'tag') {
    throw invalidJson('key "type" must be "branch" or "tag"', where);
  }
  const minSnapshotsToKeep = fields.optionalInt('min-snapshots-to-keep');
  const maxSnapshotAgeMs = fields.optionalLong('max-snapshot-age-ms');
  const maxRefAgeMs = fields.optionalLong('max-ref-age-ms');
  return {
    kind,
    snapshotId: fields.long('snapshot-id'),
    ...(minSnapshotsToKeep === null ? {} : { minSnapshotsToKeep }),
    ...(maxSnapshotAgeMs === null ? {} : { maxSnapshotAgeMs }),
    ...(maxRefAgeMs === null ? {} : { maxRefAgeMs }),
  };
}

/** The JSON form of a ref. */
export function snapshotRefToJson(ref: SnapshotRef): JsonObject {
  const { minSnapshotsToKeep, maxSnapshotAgeMs, maxRefAgeMs } = ref;
  return {
    'snapshot-id': jsonInteger(ref.snapshotId),
    type: ref.kind,
    ...(minSnapshotsToKeep === undefined ? {} : { 'min-snapshots-to-keep': minSnapshotsToKeep }),
    ...(maxSnapshotAgeMs === undefined
      ? {}
      : { 'max-snapshot-age-ms': jsonInteger(maxSnapshotAgeMs) }),
    ...(maxRefAgeMs === undefined ? {} : { 'max-ref-age-ms': jsonInteger(maxRefAgeMs) }),
  };
}
