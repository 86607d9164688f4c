/** Lists of objects, and of uploads that were begun and neither completed nor given up. */
import type { S3Client } from './s3-client.ts';
import { answerXml, corruptObject, doubtfulAnswer } from './s3-failure.ts';
import { xmlElements, xmlText } from './s3-xml.ts';

/** An object in a list. */
export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** No upload of Firn takes longer. */
const staleMs = 24 * 60 * 60 * 1000;

/** Objects whose keys start with a prefix. */
export async function* listObjects(client: S3Client, prefix: string): AsyncGenerator<ListedObject> {
  for (let token: string | null = null; ;) {
    const { objects, next }: ListedPage = await listPage(client, prefix, token);
    yield* objects;
    if (next === null) return;
    if (next === token) {
      throw corruptObject('The object store lists one page for ever.', client.locationOf(prefix));
    }
    token = next;
  }
}

interface ListedPage {
  readonly objects: readonly ListedObject[];
  readonly next: string | null;
}

function listPage(client: S3Client, prefix: string, token: string | null): Promise<ListedPage> {
  const where = client.locationOf(prefix);
  const query: (readonly [string, string])[] = [
    ['list-type', '2'],
    ['encoding-type', 'url'],
    ['prefix', prefix],
    ...(token === null ? [] : [['continuation-token', token] as const]),
  ];
  return client.send({ method: 'GET', key: null, query }, (answer) => {
    const xml = answerXml(answer, 'ListBucketResult', where);
    const isEncoded = xmlText(xml, 'EncodingType') === 'url';
    const objects = xmlElements(xml, 'Contents').map((entry) =>
      listedObject(entry, isEncoded, where),
    );
    const isCut = xmlText(xml, 'IsTruncated') === 'true';
    const next = isCut ? xmlText(xml, 'NextContinuationToken') : null;
    if (isCut && next === null) throw doubtfulAnswer('A list is cut without its next page.', where);
    return { objects, next };
  });
}

function listedObject(entry: string, isEncoded: boolean, where: string): ListedObject {
  const key = xmlText(entry, 'Key');
  const sizeBytes = Number.parseInt(xmlText(entry, 'Size') ?? '', 10);
  const modifiedMs = Date.parse(xmlText(entry, 'LastModified') ?? '');
  if (key === null || !Number.isSafeInteger(sizeBytes) || Number.isNaN(modifiedMs)) {
    throw doubtfulAnswer('The object store lists an object without its key, size or time.', where);
  }
  return { key: isEncoded ? decodeKey(key, where) : key, sizeBytes, modifiedMs };
}

/** Keys in lists are encoded like forms, since XML cannot hold every character. */
function decodeKey(text: string, where: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw doubtfulAnswer('The object store lists a key that is not encoded as it says.', where);
  }
}

/** Gives up the uploads under a prefix that are older than a day; gives their number. */
export async function removeStaleUploads(
  client: S3Client,
  prefix: string,
  nowMs: number,
): Promise<number> {
  const where = client.locationOf(prefix);
  const query = [
    ['uploads', ''],
    ['prefix', prefix],
  ] as const;
  // The first thousand: the next start removes the next ones.
  const found = await client.send({ method: 'GET', key: null, query }, (answer) =>
    xmlElements(answerXml(answer, 'ListMultipartUploadsResult', where), 'Upload').map((entry) => ({
      key: xmlText(entry, 'Key') ?? '',
      uploadId: xmlText(entry, 'UploadId') ?? '',
      begunMs: Date.parse(xmlText(entry, 'Initiated') ?? ''),
    })),
  );
  const stale = found.filter(({ key, uploadId, begunMs }) => {
    return key.startsWith(prefix) && uploadId !== '' && begunMs < nowMs - staleMs;
  });
  for (const { key, uploadId } of stale) {
    const uploads = [['uploadId', uploadId]] as const;
    await client.send({ method: 'DELETE', key, query: uploads, accept: [404] }, () => null);
  }
  return stale.length;
}
