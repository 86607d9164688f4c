/**
 * A prefix of an S3 bucket as object store. S3 shows an object only when all of it is stored and
 * durable, so nothing is renamed into place. Keys that have no location of their own (`a//b`,
 * `a/`, `a/../b`) were not written by Firn and are neither listed nor touched.
 */
import { lstat, rm } from 'node:fs/promises';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { MaterialisedFile, ObjectStore, StoredObject } from '../../ports/object-store.ts';
import { locationSpace } from '../location.ts';
import type { LocationSpace } from '../location.ts';
import { notFound, readBytesMaxDefault, storageError } from '../storage-failure.ts';
import { LocalCopies } from './local-copies.ts';
import { bucketAddress, splitWarehouse } from './s3-address.ts';
import type { S3Endpoint } from './s3-address.ts';
import { S3Client } from './s3-client.ts';
import type { S3ClientOptions } from './s3-client.ts';
import { listObjects, removeStaleUploads } from './s3-listing.ts';
import { readObject } from './s3-reading.ts';
import { putFile, putObject } from './s3-writing.ts';
import type { WritingParts } from './s3-writing.ts';
import { TransferSlots } from './transfer-slots.ts';

/** What a store on S3 needs. */
export interface S3ObjectStoreOptions
  extends
    S3Endpoint,
    Pick<S3ClientOptions, 'credentials' | 'scoped' | 'clock' | 'random' | 'retryPolicy'> {
  /** `s3://bucket/prefix`; the bucket is there already. */
  readonly warehouse: string;
  /** Absolute local folder of this store alone, for copies of objects; made when needed. */
  readonly copyFolder: string;
  /** Room for copies that are kept after their use. */
  readonly copyBytesMax: number;
}

/** A store that holds local files until it is closed. */
export interface S3ObjectStore extends ObjectStore {
  /** Removes the local copies. */
  close(): Promise<void>;
}

/** The store of the objects under a prefix of a bucket. */
export function createS3ObjectStore(options: S3ObjectStoreOptions): S3ObjectStore {
  return new PrefixStore(options);
}

class PrefixStore implements S3ObjectStore {
  readonly root: string;
  readonly #options: S3ObjectStoreOptions;
  readonly #space: LocationSpace;
  readonly #client: S3Client;
  readonly #writing: WritingParts;
  readonly #copies: LocalCopies;
  readonly #keyStart: number;

  constructor(options: S3ObjectStoreOptions) {
    this.#options = options;
    this.#space = locationSpace(options.warehouse);
    this.root = this.#space.root;
    const { bucket } = splitWarehouse(this.root);
    this.#keyStart = `s3://${bucket}/`.length;
    const { clock, random, copyFolder: folder, copyBytesMax: bytesMax } = options;
    const client = new S3Client({ ...options, address: bucketAddress(bucket, options) });
    const slots = new TransferSlots();
    this.#client = client;
    this.#writing = { client, slots, newMark: () => uuidV7(clock, random) };
    this.#copies = new LocalCopies({ client, slots, folder, bytesMax });
  }

  async read(location: string, bytesMax?: number): Promise<Uint8Array> {
    const content = await this.readIfPresent(location, bytesMax);
    if (content === null) throw notFound(location);
    return content;
  }

  async readIfPresent(
    location: string,
    bytesMax = readBytesMaxDefault,
  ): Promise<Uint8Array | null> {
    return readObject(this.#client, this.#key(location), bytesMax);
  }

  async write(
    location: string,
    content: Uint8Array,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<'written' | 'exists'> {
    const key = this.#key(location);
    const ifAbsent = options.ifAbsent === true;
    await this.#copies.forget(key);
    // The caller may use its array again while this is sent, and sent again.
    return putObject(this.#writing, { key, content: Uint8Array.from(content), ifAbsent });
  }

  async upload(localPath: string, location: string): Promise<{ readonly sizeBytes: number }> {
    const key = this.#key(location);
    const sizeBytes = await sizeOfFile(localPath);
    await this.#copies.forget(key);
    try {
      await putFile(this.#writing, { key, path: localPath, sizeBytes });
      await rm(localPath, { force: true });
    } catch (error) {
      throw storageError(error, localPath);
    }
    return { sizeBytes };
  }

  async materialise(
    location: string,
    options: { readonly tailBytes?: number } = {},
  ): Promise<MaterialisedFile> {
    return this.#copies.hold(this.#key(location), options.tailBytes ?? null);
  }

  async *list(folder: string): AsyncIterable<StoredObject> {
    const spelled = this.#space.folder(folder);
    const key = spelled.slice(this.#keyStart);
    const prefix = key === '' ? '' : `${key}/`;
    for await (const { key: found, ...rest } of listObjects(this.#client, prefix)) {
      const location = this.#client.locationOf(found);
      if (isPlain(found)) yield { location, ...rest };
    }
  }

  async remove(location: string): Promise<void> {
    const key = this.#key(location);
    await this.#copies.forget(key);
    await this.#client.send({ method: 'DELETE', key, accept: [404] }, () => null);
  }

  async removeLeftovers(): Promise<number> {
    const prefix = this.root.slice(this.#keyStart);
    const nowMs = this.#options.clock.nowMs();
    return removeStaleUploads(this.#client, prefix === '' ? '' : `${prefix}/`, nowMs);
  }

  close(): Promise<void> {
    return this.#copies.close();
  }

  #key(location: string): string {
    return this.#space.object(location).slice(this.#keyStart);
  }
}

/** Whether a key is spelled as its location would be. */
function isPlain(key: string): boolean {
  return key.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

async function sizeOfFile(path: string): Promise<number> {
  try {
    const found = await lstat(path);
    if (!found.isFile()) throw notFound(path);
    return found.size;
  } catch (error) {
    throw storageError(error, path);
  }
}
