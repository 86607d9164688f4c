/**
 * Names of files spread over many prefixes, for stores that give each prefix a share of their
 * requests (Iceberg docs, "Object Store File Layout"): `0101/0110/1001/10110010-name`, the low 20
 * bits of the name's Murmur3 hash. This is the form without partition paths: readers never look
 * into a path.
 */
import { hashByteRun } from '../murmur3.ts';

/** The properties of a table whose data and delete files are laid out so. */
export const HASHED_LAYOUT: Readonly<Record<string, string>> = {
  'write.object-storage.enabled': 'true',
  'write.object-storage.partitioned-paths': 'false',
};

/** Whether a table wants its files laid out so. */
export function isHashedLayout(properties: Readonly<Record<string, string>>): boolean {
  return properties['write.object-storage.enabled']?.toLowerCase() === 'true';
}

/** The folders of a name, without a slash at the end: `0101/0110/1001/10110010`. */
function hashFolders(name: string): string {
  const bytes = Buffer.from(name, 'utf8');
  const bits = (hashByteRun(bytes, 0, bytes.length) & 0xf_ff_ff).toString(2).padStart(20, '0');
  return [bits.slice(0, 4), bits.slice(4, 8), bits.slice(8, 12), bits.slice(12)].join('/');
}

/** A file's path below the folder of data files. */
export function hashedPath(name: string): string {
  return `${hashFolders(name)}-${name}`;
}

/** The name that a path was made from; other paths' last part. */
export function plainName(location: string): string {
  const name = location.slice(location.lastIndexOf('/') + 1);
  const plain = /^[01]{8}-(.*)$/s.exec(name)?.[1];
  return plain !== undefined && location.endsWith(`/${hashedPath(plain)}`) ? plain : name;
}
