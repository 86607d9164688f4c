/**
 * The options of each kind of catalog. What proves to a REST catalog who asks is never written
 * here, only where it is kept.
 */
import type { Section } from './option.ts';
import { S3_OPTIONS } from './s3-options.ts';

const URI_PATTERN = /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/;
const URI_TEXT = 'an address such as https://host:port/path';

const { accessKeyId, secretAccessKey, sessionToken, credentials } = S3_OPTIONS;

const authVariants = {
  none: {},
  bearer: {
    token: {
      type: { kind: 'secret' },
      text: 'Where the token is kept. It is read again when the catalog no longer takes it.',
      since: '0.1',
    },
  },
  oauth2: {
    clientId: {
      type: { kind: 'text' },
      text: 'The client’s id.',
      since: '0.1',
    },
    clientSecret: {
      type: { kind: 'secret' },
      text: 'Where the client’s secret is kept.',
      since: '0.1',
    },
    tokenUri: {
      type: { kind: 'text', pattern: URI_PATTERN, patternText: URI_TEXT },
      default: null,
      text: 'Where tokens are asked for by client credentials. Left out: the catalog’s own `/v1/oauth/tokens`.',
      since: '0.1',
    },
    scope: {
      type: { kind: 'text' },
      default: 'catalog',
      text: 'What the token is to be good for.',
      since: '0.1',
    },
  },
  sigv4: {
    region: {
      type: { kind: 'text', pattern: /^[a-z0-9-]{1,64}$/, patternText: 'a region’s name' },
      text: 'Region that requests are signed for.',
      since: '0.1',
    },
    service: {
      type: { kind: 'text', pattern: /^[a-z0-9-]{1,64}$/, patternText: 'a service’s name' },
      default: 'execute-api',
      text: 'Service that requests are signed for, such as `glue` or `s3tables`.',
      since: '0.1',
    },
    accessKeyId,
    secretAccessKey,
    sessionToken,
    credentials,
  },
} as const satisfies Readonly<Record<string, Section>>;

/** Variants of `lake.catalog`. */
export const CATALOG_OPTIONS = {
  sqlite: {
    path: {
      type: { kind: 'path' },
      default: null,
      text: 'The catalog’s database file, on this machine. Left out: `catalog.db` in the warehouse. Required where the warehouse is on S3.',
      since: '0.1',
    },
    name: {
      type: { kind: 'text' },
      default: 'firn',
      text: 'Catalog name. Other engines must open the catalog under the same name.',
      since: '0.1',
    },
  },
  rest: {
    uri: {
      type: { kind: 'text', pattern: URI_PATTERN, patternText: URI_TEXT },
      text: 'Address of an Iceberg REST catalog, without `/v1`.',
      since: '0.1',
    },
    warehouse: {
      type: { kind: 'text' },
      default: null,
      text: 'The catalog’s own name of the warehouse, for servers with several. Where the files lie says `lake.warehouse`.',
      since: '0.1',
    },
    auth: {
      type: { kind: 'variant', variants: authVariants },
      default: { type: 'none' },
      text: 'How requests prove who asks.',
      since: '0.1',
    },
    storageKeys: {
      type: { kind: 'choice', values: ['own', 'vended'] },
      default: 'own',
      text: 'With which keys the files of tables on S3 are read and written: those of `lake.s3`, or those that the catalog gives out with each table. Firn’s own state always has those of `lake.s3`.',
      since: '0.1',
    },
    allowPlainHttp: {
      type: { kind: 'flag' },
      default: false,
      text: 'Whether `http://` is taken for a host that is not this machine: everything, also what proves who asks, can then be read on the way.',
      since: '0.1',
    },
    timeout: {
      type: { kind: 'duration', minMs: 100, maxMs: 600_000 },
      default: '60s',
      text: 'Longest time for one request. A commit that takes longer is looked for in the table, and is not lost.',
      since: '0.1',
    },
  },
} as const satisfies Readonly<Record<string, Section>>;
