/**
 * Names of files in a table's folder. Every name that Firn makes holds a UUIDv7: no two attempts
 * ever share a file, and a file tells when it was made. Names of source tables never become paths
 * as they are.
 */
import { uuidV7, uuidV7TimeMs } from '../kernel/identifiers.ts';
import type { LakeContext } from './lake-context.ts';

/** What names are made from. */
export type NamingContext = Pick<LakeContext, 'clock' | 'random'>;

/** Longest readable part of a folder name. */
const SLUG_LENGTH_MAX = 40;

/** Folder for the data and delete files of the table at `location`. */
export function dataFolder(location: string): string {
  return `${location}/data`;
}

/** Location of a new manifest of the table at `location`. */
export function newManifestLocation(context: NamingContext, location: string): string {
  return `${location}/metadata/${uuidV7(context.clock, context.random)}.avro`;
}

/** Location of a new manifest list; the snapshot's id in the name is for people. */
export function newManifestListLocation(
  context: NamingContext,
  list: { readonly location: string; readonly snapshotId: bigint },
): string {
  const uuid = uuidV7(context.clock, context.random);
  return `${list.location}/metadata/snap-${list.snapshotId}-${uuid}.avro`;
}

/** Folder of a new table under the lake's root. */
export function newTableLocation(
  context: NamingContext & Pick<LakeContext, 'store'>,
  name: { readonly namespace: string; readonly table: string },
): string {
  const folder = slug(name.namespace);
  const prefix = slug(name.table);
  const uuid = uuidV7(context.clock, context.random);
  const leaf = prefix === '' ? uuid : `${prefix}-${uuid}`;
  return [context.store.root, ...(folder === '' ? [] : [folder]), leaf].join('/');
}

/** The letters and digits of a name: readable, and harmless in any file system or policy. */
function slug(name: string): string {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
  return plain.slice(0, SLUG_LENGTH_MAX).replaceAll(/^_+|_+$/g, '');
}

/**
 * One spelling for locations that name the same object: `file:/a`, `file:///a` and `/a` are one,
 * and so are `s3a://`, `s3n://` and `s3://`. For comparing only.
 */
export function comparableLocation(location: string): string {
  const path = /^(?:file:)?(?:\/\/(?=\/))?(\/(?!\/).*)$/.exec(location)?.[1];
  if (path !== undefined) return `file://${path.replaceAll(/\/{2,}/g, '/')}`;
  return location.replace(/^s3[an]:\/\//, 's3://');
}

/**
 * Whether Firn made the folder of a table: its last part ends with a UUIDv7, so nothing but that
 * table lies in it. Other engines can move a table to any folder, which may hold more.
 */
export function isOwnFolder(location: string): boolean {
  return uuidV7TimeMs(location.slice(-36)) !== null;
}

/** Whether a location lies in the folder of a table: only such files are ever removed. */
export function isInFolder(location: string, folder: string): boolean {
  const inside = comparableLocation(location);
  return inside.startsWith(`${comparableLocation(folder)}/`) && !inside.includes('/../');
}
