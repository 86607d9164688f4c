/**
 * Where a warehouse on S3 lies and how its requests are addressed: the bucket in the path, or in
 * the name of the host. Keys are taken literally, as Iceberg takes them: nothing is decoded.
 */
import { encodeUriPart } from '../http/signature-v4.ts';

/** How the store is reached. */
export interface S3Endpoint {
  /** `http(s)://host:port`, with the path in front of buckets if there is one; `null`: AWS. */
  readonly endpoint: string | null;
  readonly region: string;
  /** The bucket is the first name of the path; `null`: where an endpoint is given. */
  readonly pathStyle: boolean | null;
}

/** A bucket's place on the network. */
export interface BucketAddress {
  readonly bucket: string;
  readonly secure: boolean;
  /** For connecting. */
  readonly hostname: string;
  readonly port: number;
  /** For the header: with a port that is not the scheme's own. */
  readonly host: string;
  /** Percent-encoded path of a key, or of the bucket itself. */
  pathOf(key: string | null): string;
}

/** Bucket and prefix of `s3://bucket/prefix`; the prefix has no slash at its ends. */
export function splitWarehouse(warehouse: string): {
  readonly bucket: string;
  readonly prefix: string;
} {
  const match = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(warehouse);
  return { bucket: match?.[1] ?? '', prefix: match?.[2] ?? '' };
}

/** The address of a bucket. A name with dots fits no certificate, so it goes into the path. */
export function bucketAddress(bucket: string, where: S3Endpoint): BucketAddress {
  const url = new URL(where.endpoint ?? `https://s3.${where.region}.amazonaws.com`);
  const inPath = where.pathStyle ?? (where.endpoint !== null || bucket.includes('.'));
  const secure = url.protocol === 'https:';
  const host = inPath ? url.host : `${bucket}.${url.host}`;
  const name = inPath ? url.hostname : `${bucket}.${url.hostname}`;
  const above = url.pathname.replace(/\/+$/, '');
  const base = inPath ? `${above}/${encodeUriPart(bucket)}` : above;
  return {
    bucket,
    secure,
    hostname: name.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 443 : 80) : Number.parseInt(url.port, 10),
    host,
    pathOf(key) {
      if (key === null) return inPath ? base : `${base}/`;
      return `${base}/${key.split('/').map(encodeUriPart).join('/')}`;
    },
  };
}
