/**
 * Pipelines whose generated files are kept as golden texts (`npm run reference` writes them): every
 * type of MySQL and MariaDB, every kind of key, and names that would break out of any quotes.
 */
import { clusterArtefacts } from '../src/cluster/cluster-artefacts.ts';
import { planCluster } from '../src/cluster/cluster-plan.ts';
import type { ClusterPlan } from '../src/cluster/cluster-plan.ts';
import { parsePipelineFile } from '../src/config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../src/config/pipeline-config.ts';
import { chooseTable } from '../src/config/table-choice.ts';
import { assert } from '../src/kernel/assert.ts';
import { formatTableName } from '../src/model/table-schema.ts';
import type { SourceTable } from '../src/model/source-event.ts';
import type { MysqlColumn, MysqlFlavour } from '../src/mysql/mysql-column.ts';
import { planTables } from '../src/pipeline/cluster/plan-pipeline.ts';
import { EMPTY_REGISTRY } from '../src/schema/schema-registry.ts';
import { carriageOf, carriedType } from '../src/sources/sqlite/value-carriage.ts';
import { sourceTableOf } from '../src/sources/mysql/discover.ts';

/** A table as `CREATE TABLE` would have it: column declarations by name, and its key. */
export interface CaseTable {
  readonly name: readonly [namespace: string, table: string];
  readonly columns: Readonly<Record<string, string>>;
  readonly key: readonly string[];
}

/** One pipeline. */
export interface ClusterCase {
  readonly flavour: MysqlFlavour | 'sqlite';
  /** Lines of the pipeline file that differ from the plain one, by their first word. */
  readonly lines?: Readonly<Record<string, string>>;
  readonly tables: readonly CaseTable[];
  /** `cluster.bootstrap`. */
  readonly bootstrap?: 'spark';
}

const PLAIN = {
  name: 'name: shop',
  source: 'source: {type: mysql, host: db.example.org, user: firn, password: {env: SHOP_PASSWORD}}',
  tables: "tables: ['*.*']",
  lake: 'lake: {warehouse: ./lake}',
  engine: 'engine: cluster',
  cluster:
    'cluster: {kafka: {bootstrapServers: "kafka:9092"}, connect: {url: "http://connect:8083"},' +
    ' flink: {gateway: "http://gateway:8083", jobManager: "http://flink:8081"},' +
    ' spark: {address: "spark:15002"}, catalogUri: "http://catalog:8181"}',
} as const;

/** The declared column as `information_schema` has it. */
function columnOf(name: string, declaration: string): MysqlColumn {
  const charset = / character set ([a-z0-9_]+)/.exec(declaration)?.[1] ?? null;
  const type = declaration.replace(/ (?:character set .*|not null|null)$/, '');
  const dataType = /^[a-z0-9]+/.exec(type)?.[0] ?? '';
  const isText = /^(?:char|varchar|.*text|enum|set)$/.test(dataType);
  return {
    name,
    dataType,
    columnType: type,
    charset: charset ?? (isText ? 'utf8mb4' : null),
    collation: null,
    nullable: !declaration.endsWith(' not null'),
    generated: false,
    invisible: false,
  };
}

/** The tables as the source describes them to the pipeline. */
function sourceTables(given: ClusterCase, config: PipelineConfig): readonly SourceTable[] {
  const { flavour } = given;
  if (flavour === 'sqlite') return given.tables.map(sqliteTable);
  return given.tables.map(({ name: [namespace, table], columns, key }) => {
    const shape = {
      table: { namespace, table },
      engine: 'InnoDB',
      kind: 'table',
      columns: Object.entries(columns).map(([name, declaration]) => columnOf(name, declaration)),
      uniqueKeys:
        key.length === 0
          ? []
          : [{ name: 'PRIMARY', columns: key, hasPrefix: false, isUsable: true }],
      rowsEstimate: 20_000_000n,
    } as const;
    const choice = chooseTable(config.tables, formatTableName(shape.table));
    assert(choice !== null, 'each table is taken');
    const found = sourceTableOf(shape, choice, flavour);
    assert(!('reason' in found), `${formatTableName(shape.table)} is a table that Firn copies`);
    return found;
  });
}

/** A table of a SQLite database. */
function sqliteTable({ name: [namespace, table], columns, key }: CaseTable): SourceTable {
  return {
    table: { namespace, table },
    columns: Object.entries(columns).map(([sourceName, declared]) => {
      const type = carriedType(carriageOf(declared, 'halt'));
      return { sourceName, type, sourceType: declared === '' ? 'untyped' : declared };
    }),
    keyColumns: key,
    ledgerOnlyReason: key.length === 0 ? 'it has no primary key' : null,
    rowsEstimate: 20_000_000n,
  };
}

/** The plan of a case. */
export function planCase(given: ClusterCase): ClusterPlan {
  const lines = Object.values({ ...PLAIN, ...given.lines }).join('\n');
  const { bootstrap = 'firn' } = given;
  const text = lines.replace(/^(cluster: .*)\}$/m, `$1, bootstrap: ${bootstrap}}`);
  const config = parsePipelineFile(text, '/etc/firn/shop.yaml');
  const { cluster, source } = config;
  assert(cluster !== null && source.type !== 'debezium', 'a cluster pipeline');
  const found = sourceTables(given, config);
  const planned = planTables(config, EMPTY_REGISTRY, found);
  return planCluster({ config, cluster, source, epoch: 1, ...planned });
}

/** All files of a case as one text. */
export function renderCase(given: ClusterCase): string {
  const files = clusterArtefacts(planCase(given));
  return files.map(({ path, text }) => `======== ${path}\n${text}`).join('\n');
}

/** Types that both servers have and Debezium sends whole. */
const COMMON: Readonly<Record<string, string>> = {
  id: 'bigint(20) not null',
  tiny: 'tinyint(4)',
  tiny_unsigned: 'tinyint(3) unsigned',
  flag: 'tinyint(1)',
  small: 'smallint(6)',
  medium: 'mediumint(8) unsigned',
  whole: 'int(11)',
  whole_unsigned: 'int(10) unsigned',
  big_unsigned: 'bigint(20) unsigned',
  amount: 'decimal(18,4)',
  wide: 'decimal(60,10)',
  ratio: 'float',
  exact: 'double',
  bit1: 'bit(1)',
  bit12: 'bit(12)',
  bit64: 'bit(64)',
  born: 'date',
  made_year: 'year(4)',
  seen: 'datetime',
  seen3: 'datetime(3)',
  seen6: 'datetime(6)',
  changed: 'timestamp',
  changed6: 'timestamp(6)',
  lasts: 'time(6)',
  code: 'char(3)',
  note: 'varchar(200)',
  old_note: 'varchar(200) character set latin1',
  body: 'longtext character set utf8mb3',
  size: "enum('s','m','it''s l')",
  marks: "set('a','b')",
  hash: 'binary(16)',
  token: 'varbinary(64)',
  picture: 'longblob',
};

const NOT_CARRIED = [
  ['place', 'point'],
  ['shape', 'geometry'],
  ['words', 'varchar(10) character set sjis'],
].map(([name = '', type = '']): CaseTable => {
  return {
    name: ['shop', `with_${name}`],
    columns: { id: 'int(11) not null', [name]: type },
    key: ['id'],
  };
});

const HOSTILE = [
  'back`tick',
  "quo'te",
  'double"quote',
  'back\\slash',
  '${env:HOME}',
  'end */ of -- comment;',
  '{{branch}}',
  'dot.ted',
  'com,ma',
  'snow \u2744 \u{1F9CA}',
] as const;

/** Every case by name. */
export const CLUSTER_CASES: Readonly<Record<string, ClusterCase>> = {
  mysql: {
    flavour: 'mysql',
    tables: [
      { name: ['shop', 'types'], columns: { ...COMMON, document: 'json' }, key: ['id'] },
      ...NOT_CARRIED,
      {
        name: ['shop', 'with_vector'],
        columns: { id: 'int(11) not null', v: 'vector(3)' },
        key: ['id'],
      },
    ],
  },
  mariadb: {
    flavour: 'mariadb',
    lines: {
      source:
        'source: {type: mysql, host: 127.0.0.1, port: 3307, user: firn, serverId: 77,' +
        ' tls: off, password: {file: /run/secrets/shop}}',
      tables:
        "tables: [{table: '*.texts', columns: {amount: {onMisfit: text}, big: {onMisfit: text}}}, '*.*']",
      lake: 'lake: {warehouse: "s3://bucket/lake", catalog: {type: sqlite, path: c.db, name: lake}}',
      cluster: PLAIN.cluster
        .replace(', catalogUri: "http://catalog:8181"', '')
        .replace('"http://connect:8083"', '"http://connect:8083", connector: mariadb')
        .replace('"kafka:9092"', '"a:9092,b:9092", partitions: 2, replicas: 1, retention: 1d'),
    },
    tables: [
      { name: ['shop', 'types'], columns: COMMON, key: ['id'] },
      {
        name: ['shop', 'texts'],
        columns: { id: 'int(11) not null', amount: 'decimal(10,2)', big: 'bigint(20) unsigned' },
        key: ['id'],
      },
      ...['uuid', 'inet4', 'inet6'].map((type): CaseTable => {
        return {
          name: ['shop', `with_${type}`],
          columns: { id: 'int(11) not null', v: type },
          key: ['id'],
        };
      }),
    ],
  },
  keys: {
    flavour: 'mysql',
    lines: {
      tables:
        "tables: [{table: shop.people, exclude: [ssn], rename: {_firn_note: note, _pos: place}}, '*.*']",
      base: 'base: {buckets: 8, bucketBy: region}',
    },
    tables: [
      {
        name: ['shop', 'people'],
        columns: {
          region: 'varchar(20) not null',
          born: 'date not null',
          id: 'bigint(20) unsigned not null',
          ssn: 'varchar(20)',
          _firn_note: 'text',
          _pos: 'int(11)',
        },
        key: ['born', 'region', 'id'],
      },
      { name: ['shop', 'keyless'], columns: { region: 'int(11)' }, key: [] },
      { name: ['shop', 'only_key'], columns: { region: 'varbinary(9) not null' }, key: ['region'] },
      {
        name: ['shop', 'reserved'],
        columns: { region: 'int(11) not null', _file: 'int(11)' },
        key: ['region'],
      },
      { name: ['shop', 'no_region'], columns: { id: 'int(11) not null' }, key: ['id'] },
    ],
  },
  bootstrap: {
    flavour: 'mysql',
    bootstrap: 'spark',
    tables: [
      {
        name: ['shop', 'types'],
        columns: Object.fromEntries(
          Object.entries({ ...COMMON, document: 'json' }).filter(([name]) => name !== 'old_note'),
        ),
        key: ['id'],
      },
      {
        name: ['shop', 'with_latin1'],
        columns: { id: 'int(11) not null', old_note: 'text character set latin1' },
        key: ['id'],
      },
      { name: ['shop', 'keyless'], columns: { id: 'int(11)' }, key: [] },
    ],
  },
  sqlite: {
    flavour: 'sqlite',
    lines: {
      source: 'source: {type: sqlite, path: ./shop.db}',
      cluster: PLAIN.cluster.replace(' connect: {url: "http://connect:8083"},', ''),
    },
    tables: [
      {
        name: ['shop', 'types'],
        columns: {
          id: 'INTEGER',
          count: 'BIGINT',
          ratio: 'REAL',
          note: 'TEXT',
          picture: 'BLOB',
          anything: '',
          amount: 'DECIMAL(10,2)',
          "quo'te`d": 'TEXT',
        },
        key: ['id'],
      },
      { name: ['shop', 'keyless'], columns: { note: 'TEXT' }, key: [] },
      { name: ['shop', 'lines'], columns: { 'line\nbreak': 'TEXT' }, key: [] },
    ],
  },
  'hostile-names': {
    flavour: 'mysql',
    bootstrap: 'spark',
    tables: [
      {
        name: ["data`ba'se", HOSTILE.filter((name) => !name.includes('$')).join('')],
        columns: {
          'key`of': 'int(11) not null',
          ...Object.fromEntries(HOSTILE.map((name) => [name, 'varchar(10)'])),
        },
        key: ['key`of'],
      },
      { name: ['a.b', 'c'], columns: { id: 'int(11) not null' }, key: ['id'] },
      { name: ['a', 'b.c'], columns: { id: 'int(11) not null' }, key: ['id'] },
      { name: ['shop', 'line\nbreak'], columns: { id: 'int(11) not null' }, key: ['id'] },
      { name: ['shop', 'cash$'], columns: { id: 'int(11) not null' }, key: ['id'] },
      { name: ['shop', 'x'.repeat(64)], columns: { id: 'int(11) not null' }, key: ['id'] },
      { name: ['Shop', 'Orders'], columns: { Id: 'int(11) not null' }, key: ['Id'] },
      {
        name: ['e'.repeat(120), 'f'.repeat(120)],
        columns: { id: 'int(11) not null' },
        key: ['id'],
      },
    ],
  },
};
