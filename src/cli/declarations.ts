/**
 * Every command as its help shows it. Kept apart from the commands themselves, so that help and
 * usage errors load none of them. The commands and their exit codes are a contract with scripts.
 */
import type { Command } from './command.ts';

/** A command as declared. */
export interface CommandDeclaration {
  readonly name: string;
  /** As commander reads them: `<file>`, `[table]`, `<key...>`. */
  readonly arguments: readonly (readonly [form: string, text: string])[];
  readonly summary: string;
  readonly options: readonly (readonly [flags: string, text: string])[];
  /** Not listed, and takes any words: of the demo's own, or not there yet. */
  readonly hidden?: boolean;
  /** Loads the command. */
  readonly load: () => Promise<Command>;
}

const FILE = ['<file>', 'pipeline file, or a folder that holds firn.yaml'] as const;
const SOURCE = [
  '<source>',
  'mysql://USER:PASSWORD@HOST:PORT/DATABASE, mariadb://..., or the path of a SQLite database',
] as const;
const TABLE = ['--table <table>', 'the table, as firn status names it'] as const;
const YES = ['--yes', 'do not ask'] as const;

const start: readonly CommandDeclaration[] = [
  {
    name: 'demo',
    arguments: [
      ['[source]', 'sqlite, mysql, mysql://USER:PASSWORD@HOST of a server to use, or cluster'],
      ['[server]', 'with cluster: mysql://USER:PASSWORD@HOST of a server to use'],
    ],
    summary: 'a whole pipeline on generated data in ./firn-demo',
    options: [
      ['--cluster <folder>', 'with cluster: the one in this folder (firn cluster up), which stays'],
    ],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  {
    name: 'init',
    arguments: [SOURCE],
    summary: 'look at a database and write a commented pipeline file',
    options: [
      ['-o, --output <file>', 'file to write (default: firn.yaml)'],
      ['--tables <names>', 'only these tables, with commas between them'],
    ],
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'check',
    arguments: [FILE],
    summary: 'connect, change nothing, say what is wrong and how to fix it',
    options: [],
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'run',
    arguments: [['<file...>', 'pipeline files or folders; with --into one source']],
    summary: 'copy until stopped',
    options: [
      ['--into <folder>', 'init, check and run in one: copy a source into this folder'],
      ['--tables <names>', 'with --into: only these tables, with commas between them'],
      ['--once', 'catch up with the source as it is now, merge, end'],
    ],
    load: async () => (await import('./commands/run.ts')).run,
  },
];

const look: readonly CommandDeclaration[] = [
  {
    name: 'status',
    arguments: [FILE],
    summary: 'per table: state, progress, lag, files, last proof',
    options: [],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'tail',
    arguments: [FILE, ['[table]', 'only this table']],
    summary: 'changes as they arrive in the ledger',
    options: [],
    load: async () => (await import('./commands/tail.ts')).tail,
  },
  {
    name: 'query',
    arguments: [FILE, ['<sql>', 'one SELECT, in DuckDB’s SQL']],
    summary: 'ask the lake: <table>, <table>_live (with the unmerged ledger), <table>_ledger',
    options: [['--format <format>', 'table, csv or json']],
    load: async () => (await import('./commands/query.ts')).query,
  },
  {
    name: 'history',
    arguments: [FILE, ['<table>', 'the table'], ['<key...>', 'the key, one word per key column']],
    summary: 'every change of one row, in order',
    options: [['--format <format>', 'table, csv or json']],
    load: async () => (await import('./commands/history.ts')).history,
  },
  {
    name: 'verify',
    arguments: [FILE],
    summary: 'prove that base tables equal their source; name the keys that differ',
    options: [
      ['--table <table>', 'only this table'],
      ['--repair', 'read the keys that differ again'],
    ],
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  {
    name: 'types',
    arguments: [FILE],
    summary: 'each column: type in the source, type in the lake, what a policy decides',
    options: [],
    load: async () => (await import('./commands/column-types.ts')).columnTypes,
  },
  {
    name: 'generate',
    arguments: [FILE],
    summary: 'write what engine: cluster is told, as files',
    options: [
      ['-o, --output <folder>', 'folder to write (default: the pipeline’s name and -cluster)'],
    ],
    load: async () => (await import('./cluster/generate.ts')).generate,
  },
];

const act: readonly CommandDeclaration[] = [
  {
    name: 'apply',
    arguments: [FILE],
    summary: 'bring the services of engine: cluster to what the file says; reads nothing',
    options: [['--dry-run', 'only say what would be done, and what was changed by hand']],
    load: async () => (await import('./cluster/apply.ts')).apply,
  },
  {
    name: 'bootstrap',
    arguments: [FILE],
    summary: 'load one table again while the others go on, or help with loading',
    options: [
      ['--table <table>', 'load this table again, as firn status names it'],
      ['--join', 'load chunks of the tables that a run elsewhere is loading, until none is left'],
    ],
    load: async () => (await import('./commands/bootstrap.ts')).bootstrap,
  },
  {
    name: 'resume',
    arguments: [FILE],
    summary: 'let a halted table go on; says why it was halted',
    options: [TABLE],
    load: async () => (await import('./commands/resume.ts')).resume,
  },
  {
    name: 'merge',
    arguments: [FILE],
    summary: 'merge all ledgers into their bases now',
    options: [],
    load: async () => (await import('./commands/merge.ts')).merge,
  },
  {
    name: 'maintain',
    arguments: [FILE],
    summary: 'compact, expire and clean up now',
    options: [],
    load: async () => (await import('./commands/maintain.ts')).maintain,
  },
  {
    name: 'upgrade',
    arguments: [FILE, ['<table...>', 'the tables, as firn status names them']],
    summary: 'raise bases to Iceberg format version 3, which has deletion vectors',
    options: [YES],
    load: async () => (await import('./commands/upgrade.ts')).upgrade,
  },
  {
    name: 'drop',
    arguments: [FILE],
    summary: 'remove a table’s lake tables and state, to start over',
    options: [TABLE, YES],
    load: async () => (await import('./commands/drop.ts')).drop,
  },
  {
    name: 'uninstall',
    arguments: [FILE],
    summary: 'take out of the source everything Firn put into it',
    options: [YES],
    load: async () => (await import('./commands/uninstall.ts')).uninstall,
  },
  {
    name: 'catalog',
    arguments: [
      ['<action>', 'serve, or connect for the lines that open the lake in another engine'],
      [
        '<words...>',
        'serve FILE; connect spark|trino|pyiceberg|duckdb|flink|polars|daft|chdb FILE',
      ],
    ],
    summary: 'the lake for other engines: serve its catalog over REST, print how to connect',
    options: [
      ['--port <number>', 'serve: port to listen at; 0: any free one (default: 8181)'],
      ['--host <address>', 'serve: address to listen at; others than this machine need a token'],
      [
        '--allow-host <names>',
        'serve: names under which clients may call it, with commas between them',
      ],
      ['--uri <address>', 'connect: through this running server, not the catalog’s file'],
    ],
    load: async () => (await import('./commands/catalog.ts')).catalog,
  },
  {
    name: 'cluster',
    arguments: [
      ['<action>', 'up, down or status'],
      ['<folder>', 'of the cluster: data, logs, and cluster.json with all addresses'],
      ['[servers...]', 'up and down: only these, as status names them'],
    ],
    summary: 'Kafka, Debezium, Flink and Spark on this machine, for development (Linux)',
    options: [
      ['--port-base <number>', 'up: first of 20 ports that it may use (default: 27300)'],
      ['--s3', 'up: keep the lake on an S3 server, not in a folder'],
      ['--heap <sizes>', 'up: heaps in MiB, with commas between them: spark=3072,kafka=512'],
      ['--kill', 'down: end at once, as an accident would'],
      ['--cache <folder>', 'up: where fetched programs are kept (default: ~/.cache/firn)'],
    ],
    load: async () => (await import('./cluster/dev-cluster.ts')).cluster,
  },
  {
    name: 'demo-shop',
    arguments: [['<database>', 'shop of the demo']],
    summary: 'the demo’s writer',
    options: [],
    hidden: true,
    load: async () => (await import('./commands/demo-shop.ts')).demoShop,
  },
];

/** The commands in the order of the help, by group. */
export const COMMAND_GROUPS: readonly (readonly [
  title: string,
  commands: readonly CommandDeclaration[],
])[] = [
  ['Start:', start],
  ['Look:', look],
  ['Act:', act],
];
