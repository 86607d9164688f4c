/**
 * What is pasted into each engine so that it opens a lake: the text of `firn catalog connect`. The
 * engine tests open every table with exactly these lines. In `read`, `NAMESPACE` and `TABLE` stand
 * for a table's names; words in `<>` stand for secrets.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { Door, LakeConnection, S3Place } from './lake-connection.ts';

/** What one engine needs. */
export interface EngineText {
  /** Where the text goes: a file's name, or a language. */
  readonly where: string;
  /** Opens the lake. */
  readonly setup: string;
  /** Reads one table. */
  readonly read: string;
  /** What else must be known, one sentence each. */
  readonly notes: readonly string[];
}

const ICEBERG = '1.11.0';
const SPARK_JARS = [
  `org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:${ICEBERG}`,
  'org.xerial:sqlite-jdbc:3.50.3.0',
];
const AWS_JAR = `org.apache.iceberg:iceberg-aws-bundle:${ICEBERG}`;
const TABLE = 'NAMESPACE.TABLE';
const KEYS =
  'It takes keys for S3 from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its environment.';
const TOKEN = 'The token is that of FIRN_CATALOG_TOKEN, in the environment of the engine.';

type Properties = Readonly<Record<string, string>>;

/** A literal of SQL. */
function sql(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A value of Java's properties files. */
function property(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

function needs(connection: LakeConnection, { keys }: { readonly keys: boolean }): string[] {
  const { door, s3 } = connection;
  const token = door.kind === 'rest' && door.needsToken;
  return [...(token ? [TOKEN] : []), ...(s3 !== null && keys ? [KEYS] : [])];
}

/** What Iceberg's Java catalogs are told, in Spark's and Flink's words alike. */
function javaCatalog({ door, warehouse, s3 }: LakeConnection): Properties {
  // Both keep a table as it was when they first saw it: Spark while it is in use, Flink for ever.
  const fresh = { 'cache-enabled': 'false' };
  // The server says where the files are.
  if (door.kind === 'rest') return { uri: door.uri, ...ownName(door), ...fresh };
  return {
    ...fresh,
    uri: `jdbc:sqlite:${door.path}`,
    'jdbc.schema-version': 'V1',
    warehouse,
    ...(s3 === null ? {} : javaFiles(s3)),
  };
}

/** A server with several catalogs is told which one is meant. */
function ownName({ warehouse }: Extract<Door, { kind: 'rest' }>): Properties {
  return warehouse === null ? {} : { warehouse };
}

function javaFiles({ endpoint, region, pathStyle }: S3Place): Properties {
  return {
    'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO',
    'client.region': region,
    ...(endpoint === null ? {} : { 's3.endpoint': endpoint }),
    's3.path-style-access': `${pathStyle}`,
  };
}

function spark(connection: LakeConnection): EngineText {
  const { name, door, s3 } = connection;
  const catalog = `spark.sql.catalog.${name}`;
  const token = door.kind === 'rest' && door.needsToken;
  const own = {
    type: door.kind === 'rest' ? 'rest' : 'jdbc',
    ...javaCatalog(connection),
    ...(token ? { token: '<FIRN_CATALOG_TOKEN>' } : {}),
  };
  const all: Properties = {
    'spark.jars.packages': [...SPARK_JARS, ...(s3 === null ? [] : [AWS_JAR])].join(','),
    'spark.sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
    [catalog]: 'org.apache.iceberg.spark.SparkCatalog',
    ...Object.fromEntries(Object.entries(own).map(([key, text]) => [`${catalog}.${key}`, text])),
  };
  return {
    where: 'spark-defaults.conf (Spark 4.0; a line each is also an option: --conf key=value)',
    setup: Object.entries(all)
      .map(([key, text]) => `${key}  ${property(text)}`)
      .join('\n'),
    read: `SELECT * FROM ${name}.${TABLE}`,
    notes: needs(connection, { keys: true }),
  };
}

function flink(connection: LakeConnection): EngineText {
  const { name, door } = connection;
  const token = door.kind === 'rest' && door.needsToken;
  const options = {
    type: 'iceberg',
    ...(door.kind === 'rest'
      ? { 'catalog-type': 'rest' }
      : { 'catalog-impl': 'org.apache.iceberg.jdbc.JdbcCatalog' }),
    ...javaCatalog(connection),
    ...(token ? { token: '<FIRN_CATALOG_TOKEN>' } : {}),
  };
  const lines = Object.entries(options).map(([key, text]) => `  ${sql(key)} = ${sql(text)}`);
  return {
    where: 'SQL of Flink 2.1',
    setup: `CREATE CATALOG ${name} WITH (\n${lines.join(',\n')}\n);`,
    read: `SELECT * FROM ${name}.\`NAMESPACE\`.\`TABLE\``,
    notes: [
      `In its lib folder: ${flinkJars(connection).join(', ')}.`,
      ...needs(connection, { keys: true }),
    ],
  };
}

function flinkJars({ door, s3 }: LakeConnection): readonly string[] {
  return [
    `iceberg-flink-runtime-2.1-${ICEBERG}`,
    'hadoop-client-api',
    'hadoop-client-runtime',
    ...(door.kind === 'file' ? ['sqlite-jdbc'] : []),
    ...(s3 === null ? [] : [`iceberg-aws-bundle-${ICEBERG}`]),
  ];
}

function trino(connection: LakeConnection): EngineText {
  const { name, door, s3 } = connection;
  if (door.kind === 'file') {
    throw new FirnError('CONFIG-USAGE', {
      what: 'Trino cannot open a SQLite catalog',
      remedy: 'Run firn catalog serve and give its address with --uri.',
    });
  }
  if (s3 === null) {
    throw new FirnError('CONFIG-USAGE', {
      what: 'Trino does not read file: locations, which this lake in a folder has',
      remedy: 'Keep the lake on S3 (lake.warehouse), or choose another engine.',
    });
  }
  const { endpoint, region, pathStyle } = s3;
  const own = {
    'connector.name': 'iceberg',
    'iceberg.catalog.type': 'rest',
    'iceberg.rest-catalog.uri': door.uri,
    ...(door.warehouse === null ? {} : { 'iceberg.rest-catalog.warehouse': door.warehouse }),
    ...(door.needsToken
      ? {
          'iceberg.rest-catalog.security': 'OAUTH2',
          'iceberg.rest-catalog.oauth2.token': '${ENV:FIRN_CATALOG_TOKEN}',
        }
      : {}),
    'fs.native-s3.enabled': 'true',
    's3.region': region,
    ...(endpoint === null ? {} : { 's3.endpoint': endpoint }),
    's3.path-style-access': `${pathStyle}`,
    's3.aws-access-key': '${ENV:AWS_ACCESS_KEY_ID}',
    's3.aws-secret-key': '${ENV:AWS_SECRET_ACCESS_KEY}',
  };
  return {
    where: `etc/catalog/${name}.properties of Trino`,
    setup: Object.entries(own)
      .map(([key, text]) => `${key}=${property(text)}`)
      .join('\n'),
    read: `SELECT * FROM ${name}.${TABLE}`,
    notes: [
      'Trino reads format version 3 from its version 480 on.',
      ...needs(connection, { keys: true }),
    ],
  };
}

/** Python that opens the catalog with PyIceberg; Polars and Daft take their tables from it. */
function pythonCatalog({ name, door, warehouse, s3 }: LakeConnection): string {
  const files: Properties =
    s3 === null
      ? {}
      : {
          ...(s3.endpoint === null ? {} : { 's3.endpoint': s3.endpoint }),
          's3.region': s3.region,
          's3.force-virtual-addressing': `${!s3.pathStyle}`,
        };
  const own: Properties =
    door.kind === 'rest'
      ? { uri: door.uri, ...ownName(door) }
      : { uri: `sqlite:///${door.path}`, warehouse, ...files };
  const items = Object.entries(own).map(([key, text]) => [key, JSON.stringify(text)]);
  const token = door.kind === 'rest' && door.needsToken;
  if (token) items.push(['token', 'os.environ["FIRN_CATALOG_TOKEN"]']);
  const [module, type] = door.kind === 'rest' ? ['rest', 'RestCatalog'] : ['sql', 'SqlCatalog'];
  return [
    ...(token ? ['import os', ''] : []),
    `from pyiceberg.catalog.${module} import ${type}`,
    '',
    `catalog = ${type}(${JSON.stringify(name)}, **{`,
    ...items.map(([key, text]) => `    ${JSON.stringify(key)}: ${text},`),
    '})',
  ].join('\n');
}

function pyiceberg(connection: LakeConnection): EngineText {
  return {
    where: 'Python with PyIceberg',
    setup: pythonCatalog(connection),
    read: `catalog.load_table("${TABLE}").scan().to_arrow()`,
    notes: needs(connection, { keys: true }),
  };
}

function polars(connection: LakeConnection): EngineText {
  const { s3 } = connection;
  const options: Properties =
    s3 === null
      ? {}
      : {
          ...(s3.endpoint === null ? {} : { aws_endpoint_url: s3.endpoint }),
          aws_region: s3.region,
          ...(s3.endpoint?.startsWith('http:') === true ? { aws_allow_http: 'true' } : {}),
          aws_virtual_hosted_style_request: `${!s3.pathStyle}`,
        };
  const given = Object.entries(options).map(
    ([key, text]) => `    ${JSON.stringify(key)}: ${JSON.stringify(text)},\n`,
  );
  const storage = s3 === null ? 'None' : `{\n${given.join('')}}`;
  return {
    where: 'Python with Polars and PyIceberg',
    setup: `import polars\n${pythonCatalog(connection)}\nstorage = ${storage}`,
    read:
      `polars.scan_iceberg(catalog.load_table("${TABLE}"), storage_options=storage, ` +
      'reader_override="native").collect()',
    notes: needs(connection, { keys: true }),
  };
}

function daft(connection: LakeConnection): EngineText {
  return {
    where: 'Python with Daft and PyIceberg',
    setup: `import daft\n${pythonCatalog(connection)}`,
    read: `daft.read_iceberg(catalog.load_table("${TABLE}")).to_arrow()`,
    notes: needs(connection, { keys: true }),
  };
}

function duckdbSecret({ endpoint, region, pathStyle }: S3Place): string {
  const address = endpoint === null ? null : new URL(endpoint);
  const own = [
    'TYPE s3',
    "KEY_ID '<AWS_ACCESS_KEY_ID>'",
    "SECRET '<AWS_SECRET_ACCESS_KEY>'",
    `REGION ${sql(region)}`,
    ...(address === null
      ? []
      : [`ENDPOINT ${sql(address.host)}`, `USE_SSL ${address.protocol === 'https:'}`]),
    `URL_STYLE ${pathStyle ? "'path'" : "'vhost'"}`,
  ];
  return `CREATE SECRET firn_s3 (${own.join(', ')});`;
}

function duckdb({ name, door, s3 }: LakeConnection): EngineText {
  const where = 'SQL of DuckDB';
  const loaded = ['INSTALL avro; LOAD avro; INSTALL httpfs; LOAD httpfs;'];
  loaded.push('INSTALL iceberg; LOAD iceberg;');
  if (s3 !== null) loaded.push(duckdbSecret(s3));
  const notes = s3 === null ? [] : ['Put the keys in place of the words in <>.'];
  if (door.kind === 'rest') {
    const { uri, needsToken, warehouse } = door;
    const how = needsToken ? 'SECRET firn_token' : "AUTHORIZATION_TYPE 'none'";
    if (needsToken) {
      loaded.push("CREATE SECRET firn_token (TYPE iceberg, TOKEN '<FIRN_CATALOG_TOKEN>');");
    }
    loaded.push(
      `ATTACH ${sql(warehouse ?? '')} AS ${name} (TYPE iceberg, ENDPOINT ${sql(uri)}, ${how}, ACCESS_DELEGATION_MODE 'none');`,
    );
    return {
      where,
      setup: loaded.join('\n'),
      read: `SELECT * FROM ${name}."NAMESPACE"."TABLE"`,
      notes,
    };
  }
  loaded.push('INSTALL sqlite; LOAD sqlite;');
  loaded.push(`ATTACH ${sql(door.path)} AS ${name}_catalog (TYPE sqlite, READ_ONLY);`);
  const condition = `catalog_name = ${sql(name)} AND table_namespace = 'NAMESPACE' AND table_name = 'TABLE'`;
  return {
    where,
    setup: loaded.join('\n'),
    read:
      `SET VARIABLE firn_table = (SELECT metadata_location FROM ${name}_catalog.iceberg_tables\n` +
      `  WHERE ${condition});\nSELECT * FROM iceberg_scan(getvariable('firn_table'))`,
    notes: [
      'The variable holds one state of the table: set it again to see a newer one.',
      ...notes,
    ],
  };
}

const BELOW =
  'chDB reads files below the folder in which it was started, ClickHouse in user_files.';

/** ClickHouse, also in a process (chDB). */
function chdb(connection: LakeConnection): EngineText {
  const { name, door, s3 } = connection;
  if (door.kind === 'file') return clickhouseTable(connection, door.path);
  if (s3 !== null) {
    throw new FirnError('CONFIG-USAGE', {
      what: 'ClickHouse does not find files on S3 through this catalog',
      remedy: 'Leave out --uri: it reads a table by its place.',
    });
  }
  const settings = {
    catalog_type: 'rest',
    warehouse: door.warehouse ?? name,
    ...(door.needsToken ? { auth_header: 'Authorization: Bearer <FIRN_CATALOG_TOKEN>' } : {}),
  };
  const given = Object.entries(settings).map(([key, text]) => `${key} = ${sql(text)}`);
  return {
    where: CLICKHOUSE,
    setup:
      'SET allow_database_iceberg = 1;\n' +
      `CREATE DATABASE ${name} ENGINE = DataLakeCatalog(${sql(`${door.uri}/v1`)}, 'Parquet')\n` +
      `  SETTINGS ${given.join(', ')};`,
    read: `SELECT * FROM ${name}.\`${TABLE}\``,
    notes: [BELOW],
  };
}

const CLICKHOUSE = 'SQL of ClickHouse and chDB';

/** A table by its place, which the catalog’s file tells. */
function clickhouseTable({ warehouse, s3 }: LakeConnection, path: string): EngineText {
  const part = s3 === null ? 'folder' : 'path in the bucket';
  const notes = [
    `LOCATION is the table’s ${part}: metadata_location in iceberg_tables of ${path}, up to /metadata.`,
    'It takes the newest metadata file there, whether or not the catalog names it.',
  ];
  const setup = "SELECT 'nothing to set up'";
  if (s3 === null) {
    const read = "SELECT * FROM icebergLocal('LOCATION/')";
    return { where: CLICKHOUSE, setup, read, notes: [...notes, BELOW] };
  }
  const bucket = new URL(warehouse).host;
  const place =
    s3.endpoint === null
      ? `https://${bucket}.s3.${s3.region}.amazonaws.com`
      : `${s3.endpoint}/${bucket}`;
  const keys = "'<AWS_ACCESS_KEY_ID>', '<AWS_SECRET_ACCESS_KEY>'";
  return {
    where: CLICKHOUSE,
    setup,
    read: `SELECT * FROM icebergS3(${sql(`${place}/LOCATION/`)}, ${keys})`,
    notes: [...notes, 'Put the keys in place of the words in <>.'],
  };
}

const ENGINES = { spark, trino, pyiceberg, duckdb, flink, polars, daft, chdb } as const;

/** An engine that can be connected. */
export type EngineName = keyof typeof ENGINES;

/** All of them, in the order of the help. */
export const ENGINE_NAMES: readonly string[] = Object.keys(ENGINES);

/** Whether there is text for an engine. */
export function isEngineName(name: string): name is EngineName {
  return Object.hasOwn(ENGINES, name);
}

/**
 * What is pasted into `engine`.
 *
 * @throws {FirnError} CONFIG-USAGE when that engine has no way to such a lake
 */
export function engineText(engine: EngineName, connection: LakeConnection): EngineText {
  return ENGINES[engine](connection);
}
