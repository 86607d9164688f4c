/**
 * Local copies of remote objects, whole or in part. A copy in part is a sparse file: what was not
 * fetched takes no room. Copies that nobody holds stay as a cache, the longest unused ones go when
 * they take more than their room; objects that are read as files are never changed, so a copy does
 * not grow old.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteRange, MaterialisedFile } from '../../ports/object-store.ts';
import { notFound, storageError } from '../storage-failure.ts';
import { countBytes, missing, requestsFor, unite } from './byte-ranges.ts';
import type { S3Client } from './s3-client.ts';
import { corruptObject } from './s3-failure.ts';
import { headObject, readObject, readRange, readTail } from './s3-reading.ts';
import type { ObjectFacts } from './s3-reading.ts';
import { pieceBytes } from './transfer-slots.ts';
import type { TransferSlots } from './transfer-slots.ts';

/** What copies are made with. */
export interface LocalCopiesOptions {
  readonly client: S3Client;
  readonly slots: TransferSlots;
  /** Of these copies alone; made with the first one. */
  readonly folder: string;
  /** Room for copies that nobody holds. */
  readonly bytesMax: number;
}

interface Copy {
  readonly key: string;
  readonly path: string;
  readonly facts: ObjectFacts;
  have: readonly ByteRange[];
  holders: number;
  /** Fetches into one file run one after the other. */
  work: Promise<void>;
}

/** An object that changes each time it is looked at is not read for ever. */
const attemptsMax = 3;

/** A copy can be gone: the folder of an idle process is taken for a crashed one's after a day. */
function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The copies of one store. */
export class LocalCopies {
  readonly #options: LocalCopiesOptions;
  /** The longest unused first. */
  readonly #copies = new Map<string, Promise<Copy>>();
  #made = 0;
  #cachedBytes = 0;

  constructor(options: LocalCopiesOptions) {
    this.#options = options;
  }

  /**
   * A copy, until released: whole, or with at least the last `tailBytes`.
   *
   * @throws {FirnError} STORAGE-NOT-FOUND, STORAGE-REMOTE-…
   */
  async hold(key: string, tailBytes: number | null): Promise<MaterialisedFile> {
    for (let count = 1; count <= attemptsMax;) {
      const known = this.#copyOf(key, tailBytes);
      const copy = await known;
      // Given up to make room, before it could be held.
      if (this.#copies.get(key) !== known) continue;
      copy.holders++;
      if (!(await isThere(copy.path))) {
        await this.forget(key);
        await this.#release(copy);
        continue;
      }
      const { sizeBytes } = copy.facts;
      const start = tailBytes === null ? 0 : Math.max(0, sizeBytes - tailBytes);
      try {
        if (await this.#bring(copy, [{ start, end: sizeBytes }])) return this.#file(copy);
      } catch (error) {
        await this.#release(copy);
        throw error;
      }
      await this.forget(key);
      await this.#release(copy);
      count++;
    }
    throw this.#changed(key);
  }

  /** Lets go of what is known of an object: it was written or removed. */
  async forget(key: string): Promise<void> {
    const known = this.#copies.get(key);
    if (known === undefined) return;
    this.#copies.delete(key);
    const copy = await known.catch(() => null);
    if (copy !== null && copy.holders === 0) await this.#drop(copy);
  }

  /** Removes all copies. None may be held. */
  async close(): Promise<void> {
    this.#copies.clear();
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  #copyOf(key: string, tailBytes: number | null): Promise<Copy> {
    const known = this.#copies.get(key);
    const copy = known ?? this.#begin(key, tailBytes);
    this.#copies.delete(key);
    this.#copies.set(key, copy);
    if (known === undefined) {
      copy.catch(() => {
        if (this.#copies.get(key) === copy) this.#copies.delete(key);
      });
    }
    return copy;
  }

  async #begin(key: string, tailBytes: number | null): Promise<Copy> {
    const { client, folder } = this.#options;
    const found =
      tailBytes === null
        ? { facts: await headObject(client, key), tail: new Uint8Array() }
        : await readTail(client, key, tailBytes);
    if (found === null || found.facts === null) throw notFound(client.locationOf(key));
    const { facts, tail } = found;
    const path = join(folder, `${++this.#made}.parquet`);
    const copy = { key, path, facts, have: [], holders: 0, work: Promise.resolve() };
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const handle = await open(path, 'wx', 0o600);
      try {
        await handle.truncate(facts.sizeBytes);
      } finally {
        await handle.close();
      }
      await this.#put(copy, facts.sizeBytes - tail.length, tail);
    } catch (error) {
      throw storageError(error, path);
    }
    return copy;
  }

  #file(copy: Copy): MaterialisedFile {
    let held = true;
    const { path, facts, key } = copy;
    return {
      path,
      sizeBytes: facts.sizeBytes,
      fetch: async (ranges) => {
        if (!(await this.#bring(copy, ranges))) throw this.#changed(key);
      },
      release: async () => {
        if (!held) return;
        held = false;
        await this.#release(copy);
      },
    };
  }

  /** Gives whether the bytes are there now; otherwise the object is another one than before. */
  #bring(copy: Copy, ranges: readonly ByteRange[]): Promise<boolean> {
    const brought = copy.work.then(() => this.#fetch(copy, ranges));
    copy.work = brought.then(
      () => undefined,
      () => undefined,
    );
    return brought;
  }

  async #fetch(copy: Copy, ranges: readonly ByteRange[]): Promise<boolean> {
    const { client, slots } = this.#options;
    const { key, facts } = copy;
    const { sizeBytes, etag } = facts;
    const inside = ranges.map(({ start, end }) => ({
      start: Math.max(0, start),
      end: Math.min(end, sizeBytes),
    }));
    const wanted = missing(inside, copy.have);
    const isWhole = countBytes(wanted) === sizeBytes;
    if (isWhole && sizeBytes > 0 && sizeBytes <= pieceBytes) {
      const content = await slots.run(() => readObject(client, key, sizeBytes));
      if (content?.length !== sizeBytes) return false;
      await this.#put(copy, 0, content);
      return true;
    }
    const digests = isWhole && facts.partBytes !== null ? new Map<number, Uint8Array>() : null;
    const requests = requestsFor(wanted, (digests === null ? null : facts.partBytes) ?? pieceBytes);
    let unchanged = true;
    await slots.all(requests, async (range) => {
      const piece = unchanged ? await readRange(client, { key, etag, range }) : null;
      unchanged &&= piece !== null;
      if (piece === null) return;
      digests?.set(range.start, createHash('sha256').update(piece).digest());
      await this.#put(copy, range.start, piece);
    });
    return unchanged && (digests === null || this.#isIntact(facts, digests));
  }

  /** Whether parts that were fetched have the checksum that the store keeps of them together. */
  #isIntact({ sha256 }: ObjectFacts, digests: ReadonlyMap<number, Uint8Array>): boolean {
    if (sha256 === null) return true;
    const ordered = [...digests].toSorted(([left], [right]) => left - right);
    const together = createHash('sha256');
    for (const [, digest] of ordered) together.update(digest);
    return sha256 === `${together.digest('base64')}-${ordered.length}`;
  }

  async #put(copy: Copy, start: number, content: Uint8Array): Promise<void> {
    if (content.length === 0) return;
    try {
      const handle = await open(copy.path, 'r+');
      try {
        let written = 0;
        while (written < content.length) {
          const { bytesWritten } = await handle.write(
            content,
            written,
            content.length - written,
            start + written,
          );
          written += bytesWritten;
        }
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw storageError(error, copy.path);
    }
    const before = countBytes(copy.have);
    copy.have = unite(copy.have, [{ start, end: start + content.length }]);
    this.#cachedBytes += countBytes(copy.have) - before;
  }

  async #release(copy: Copy): Promise<void> {
    copy.holders--;
    const isKnown = this.#copies.has(copy.key);
    const current = isKnown ? await this.#copies.get(copy.key)?.catch(() => null) : null;
    if (copy.holders === 0 && current !== copy) await this.#drop(copy);
    for (const [key, waiting] of this.#copies) {
      if (this.#cachedBytes <= this.#options.bytesMax) return;
      const other = await waiting.catch(() => null);
      if (other === null || other.holders > 0 || this.#copies.get(key) !== waiting) continue;
      this.#copies.delete(key);
      await this.#drop(other);
    }
  }

  async #drop(copy: Copy): Promise<void> {
    this.#cachedBytes -= countBytes(copy.have);
    copy.have = [];
    await rm(copy.path, { force: true });
  }

  #changed(key: string): Error {
    const what = 'An object changed while it was read, or arrives with other content than it has.';
    return corruptObject(what, this.#options.client.locationOf(key));
  }
}
