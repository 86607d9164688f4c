/** Every option of a pipeline file, declared once, in the order in which rows flow. */
import { CATALOG_OPTIONS } from './catalog-options.ts';
import { CLUSTER_OPTIONS } from './cluster-options.ts';
import type { Section } from './option.ts';
import { S3_OPTIONS } from './s3-options.ts';
import { SOURCE_OPTIONS } from './source-options.ts';

const DAY_MS = 86_400_000;

const column = {
  onMisfit: {
    type: { kind: 'choice', values: ['halt', 'null', 'text'] },
    default: 'halt',
    text: 'What happens to a value that the column’s type cannot hold: `halt` stops the table, `null` stores NULL, `text` makes the whole column text.',
    since: '0.1',
  },
} as const satisfies Section;

const table = {
  table: {
    type: { kind: 'text' },
    text: 'Name of a source table; `*` stands for any run of characters. The first rule that matches a table counts.',
    since: '0.1',
  },
  exclude: {
    type: { kind: 'list', of: { kind: 'text' }, itemsMin: 0 },
    default: [],
    text: 'Columns that are not copied. Key columns cannot be left out.',
    since: '0.1',
  },
  rename: {
    type: { kind: 'map', of: { kind: 'text' }, keyText: 'source column' },
    default: {},
    text: 'Names in the lake for source columns.',
    since: '0.1',
  },
  columns: {
    type: {
      kind: 'map',
      of: { kind: 'section', options: column },
      keyText: 'source column',
    },
    default: {},
    text: 'How single columns are treated.',
    since: '0.1',
  },
  onDrop: {
    type: { kind: 'choice', values: ['halt', 'keep', 'drop'] },
    default: 'halt',
    text: 'What happens when the table is dropped in the source: `halt` stops it by name until somebody decides, `keep` retires it with its copy as it was at the DROP, `drop` does the same and removes base and ledger with all their history a day later, unless the whole database was dropped. A table created again under the name is loaded again by itself.',
    since: '0.1',
  },
} as const satisfies Section;

const lake = {
  warehouse: {
    type: { kind: 'path', bucket: true },
    text: 'Folder that holds the tables’ files, made when it is not there; or `s3://bucket/prefix` in a bucket that is there.',
    since: '0.1',
  },
  s3: {
    type: { kind: 'section', options: S3_OPTIONS },
    default: {},
    text: 'How a warehouse on S3 is reached.',
    since: '0.1',
  },
  catalog: {
    type: { kind: 'variant', variants: CATALOG_OPTIONS },
    default: { type: 'sqlite' },
    text: 'The Iceberg catalog.',
    since: '0.1',
  },
  readers: {
    type: {
      kind: 'list',
      of: { kind: 'choice', values: ['spark', 'flink', 'trino', 'pyiceberg', 'duckdb'] },
      itemsMin: 0,
    },
    default: [],
    text: 'Engines that must be able to read the tables. Decides choices left at `auto`.',
    since: '0.1',
  },
} as const satisfies Section;

const ledger = {
  commitInterval: {
    type: { kind: 'duration', minMs: 100, maxMs: 3_600_000 },
    default: '10s',
    text: 'Longest time between two commits of a table that changes. The first commit after a start does not wait.',
    since: '0.1',
  },
  retention: {
    type: { kind: 'duration', minMs: 3_600_000, maxMs: 3650 * DAY_MS },
    default: '7d',
    text: 'How long merged changes stay in the ledger.',
    since: '0.1',
  },
  beforeImages: {
    type: { kind: 'choice', values: ['key', 'full'] },
    default: 'key',
    text: 'What is kept of a row before an update: only its key, or all of it (`_firn_before`).',
    since: '0.1',
  },
  raw: {
    type: { kind: 'flag' },
    default: false,
    text: 'Keep the source’s own bytes of each change (`_firn_raw`), where the source has such.',
    since: '0.1',
  },
} as const satisfies Section;

const base = {
  mergeInterval: {
    type: { kind: 'duration', minMs: 1000, maxMs: 30 * DAY_MS },
    default: null,
    text: 'From the beginning of one merge of the ledger into the base to that of the next. Left out: 1m, with `engine: cluster` 15m.',
    since: '0.1',
  },
  buckets: {
    type: { kind: 'either', word: 'auto', of: { kind: 'integer', min: 1, max: 1024 } },
    default: 'auto',
    text: 'Into how many buckets a base is spread by its key. `auto`: by the table’s size.',
    since: '0.1',
  },
  bucketBy: {
    type: { kind: 'text' },
    default: null,
    text: 'Key column that decides a row’s bucket, in tables that have it in their key. Left out: the first key column of a suitable type.',
    since: '0.1',
  },
  deleteFormat: {
    type: { kind: 'choice', values: ['position-deletes', 'deletion-vectors', 'auto'] },
    default: 'position-deletes',
    text: 'How a new base marks deleted rows until files are rewritten: position deletes make it a table of Iceberg format version 2, deletion vectors one of version 3. `auto`: deletion vectors where all of `lake.readers` read them. A base that is there keeps its format; see `firn upgrade`.',
    since: '0.1',
  },
  foreignChanges: {
    type: { kind: 'choice', values: ['halt', 'accept'] },
    default: 'halt',
    text: 'What happens when another engine changed a base. Rewrites that keep its rows, branches, tags and properties are always fine. `halt`: any other change stops the table, because the base is no copy any more. `accept`: merges go on over it. See [sharing tables](../sharing-tables.md).',
    since: '0.1',
  },
} as const satisfies Section;

/** The pipeline file. */
export const PIPELINE_OPTIONS = {
  name: {
    type: {
      kind: 'text',
      pattern: /^[a-z0-9_]{1,64}$/,
      patternText: 'small letters, digits and `_`, at most 64',
    },
    text: 'The pipeline’s name. It names the pipeline’s state, and for SQLite the namespace of its tables. Not changed later.',
    since: '0.1',
  },
  source: {
    type: { kind: 'variant', variants: SOURCE_OPTIONS },
    text: 'The database that is copied.',
    since: '0.1',
  },
  tables: {
    type: {
      kind: 'list',
      of: { kind: 'section', options: table, shorthand: 'table' },
      itemsMin: 1,
    },
    text: 'The tables that are copied: names or patterns, or sections with more to say.',
    since: '0.1',
  },
  lake: {
    type: { kind: 'section', options: lake },
    text: 'Where the Iceberg tables lie.',
    since: '0.1',
  },
  ledger: {
    type: { kind: 'section', options: ledger },
    default: {},
    text: 'How changes are appended to the ledger tables.',
    since: '0.1',
  },
  base: {
    type: { kind: 'section', options: base },
    default: {},
    text: 'How ledgers are merged into base tables.',
    since: '0.1',
  },
  engine: {
    type: { kind: 'choice', values: ['embedded', 'cluster'] },
    default: 'embedded',
    text: 'What does the work. `embedded`: this program alone. `cluster`: Kafka, Flink and Spark, and for MySQL and MariaDB Debezium, told what to do by this program, which `firn generate` shows.',
    since: '0.1',
  },
  cluster: {
    type: { kind: 'section', options: CLUSTER_OPTIONS },
    default: null,
    text: 'The services that `engine: cluster` uses. Read by no other engine.',
    since: '0.1',
  },
} as const satisfies Section;
