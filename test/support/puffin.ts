/** A Puffin file with deletion vectors of several data files, as other engines write it. */
import { encodeDeletionVector } from '../../src/iceberg/deletes/deletion-vector.ts';
import { readPuffinFooter } from '../../src/iceberg/deletes/puffin-file.ts';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';

/** Writes the file and gives the manifest entry of each vector, in order. */
export async function writePuffin(
  store: ObjectStore,
  location: string,
  vectors: readonly { readonly data: DataFile; readonly positions: readonly bigint[] }[],
): Promise<readonly DataFile[]> {
  const magic = Buffer.from('PFA1');
  const parts: Uint8Array[] = [magic];
  const blobs: object[] = [];
  const entries: DataFile[] = [];
  let offset = magic.length;
  for (const { data, positions } of vectors) {
    const { bytes } = encodeDeletionVector(data.filePath, [BigInt64Array.from(positions)]);
    const [blob] = readPuffinFooter(bytes, location) ?? [];
    if (blob === undefined) throw new Error('a vector');
    parts.push(bytes.subarray(blob.offset, blob.offset + blob.length));
    blobs.push({ ...blob, offset, fields: [2147483645], 'snapshot-id': -1, 'sequence-number': -1 });
    entries.push({
      ...data,
      content: 'position-deletes',
      filePath: location,
      fileFormat: 'PUFFIN',
      recordCount: BigInt(positions.length),
      referencedDataFile: data.filePath,
      contentOffset: BigInt(offset),
      contentSizeBytes: BigInt(blob.length),
    });
    offset += blob.length;
  }
  const footer = Buffer.from(JSON.stringify({ blobs }));
  const end = Buffer.alloc(8);
  end.writeInt32LE(footer.length, 0);
  const content = Buffer.concat([...parts, magic, footer, end, magic]);
  await store.write(location, content);
  return entries.map((entry) => ({ ...entry, fileSizeBytes: BigInt(content.length) }));
}
