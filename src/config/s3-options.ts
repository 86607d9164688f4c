/**
 * The options of a warehouse on S3 or a compatible store. Keys are never written here, only where
 * they are kept; they are read again when the store no longer takes them.
 */
import type { Section } from './option.ts';

/** Section `lake.s3`. */
export const S3_OPTIONS = {
  endpoint: {
    type: {
      kind: 'text',
      pattern: /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/,
      patternText: 'an address such as https://host:port',
    },
    default: null,
    text: 'Address of the store. Left out: Amazon S3 in `region`.',
    since: '0.1',
  },
  region: {
    type: { kind: 'text', pattern: /^[a-z0-9-]{1,64}$/, patternText: 'a region’s name' },
    default: 'us-east-1',
    text: 'Region that requests are signed for.',
    since: '0.1',
  },
  pathStyle: {
    type: { kind: 'flag' },
    default: null,
    text: 'Whether the bucket stands in the path of an address, not in its host name. Left out: it does where `endpoint` is given.',
    since: '0.1',
  },
  accessKeyId: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the access key’s id is kept. Left out: the environment’s `AWS_ACCESS_KEY_ID`.',
    since: '0.1',
  },
  secretAccessKey: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the secret key is kept. Left out: the environment’s `AWS_SECRET_ACCESS_KEY`.',
    since: '0.1',
  },
  sessionToken: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the token of temporary keys is kept. Left out: the environment’s `AWS_SESSION_TOKEN`, where the keys come from there, too.',
    since: '0.1',
  },
  credentials: {
    type: { kind: 'secret' },
    default: null,
    text: 'In place of the three: where all of them are kept as the JSON that `aws configure export-credentials` prints.',
    since: '0.1',
  },
  hashedLayout: {
    type: { kind: 'flag' },
    default: false,
    text: 'Whether the data files of new tables are spread over hashed prefixes (`write.object-storage.enabled`), for stores that limit the requests of one prefix.',
    since: '0.1',
  },
  stage: {
    type: { kind: 'path' },
    default: null,
    text: 'Local folder for files on their way to the store and for copies of parts of them. Left out: `.firn-stage` beside the catalog’s database.',
    since: '0.1',
  },
  cache: {
    type: { kind: 'size', minBytes: 0, maxBytes: 1_099_511_627_776 },
    default: '2GiB',
    text: 'Room for copies that are kept after their use. Copies that are in use come on top.',
    since: '0.1',
  },
} as const satisfies Section;
