/**
 * What a Debezium connector is told, as far as it decides whether its topics hold every change and
 * every value exactly (Debezium 3.5 and 3.6, "MySQL connector properties"). An option that loses
 * changes or values in silence is a finding, not a mode.
 */
import type { TableName } from '../../model/table-schema.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { ValueModes } from './field-decoder.ts';

/** Options of a connector, by name, as Connect tells them. */
export type ConnectorOptions = Readonly<Record<string, string>>;

/** What follows from a connector's options. */
export interface ConnectorModes {
  readonly flavour: 'mysql' | 'mariadb';
  /** What the names of its topics begin with; also the topic of table definitions. */
  readonly prefix: string;
  readonly values: ValueModes;
  /** Why changes or values would be lost: whole sentences. */
  readonly obstacles: readonly string[];
  /** What only takes longer than it need: whole sentences. */
  readonly hints: readonly string[];
  /** Whether the connector reads a table. */
  readonly captures: (table: TableName) => boolean;
}

const CLASSES = {
  'io.debezium.connector.mysql.MySqlConnector': 'mysql',
  'io.debezium.connector.mariadb.MariaDbConnector': 'mariadb',
} as const;

/** Options that must have one of these values; the first is Debezium's default. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'event.processing.failure.handling.mode': ['fail'],
  'event.deserialization.failure.handling.mode': ['fail'],
  'inconsistent.schema.handling.mode': ['fail'],
  'include.schema.changes': ['true'],
  'time.precision.mode': ['adaptive_time_microseconds'],
  'decimal.handling.mode': ['precise', 'string'],
  'bigint.unsigned.handling.mode': ['long', 'precise'],
  'binary.handling.mode': ['bytes', 'base64', 'base64-url-safe', 'hex'],
  'field.name.adjustment.mode': ['none'],
  'errors.tolerance': ['none'],
  'schema.history.internal.skip.unparseable.ddl': ['false'],
  // A table that is renamed out of what is captured would be told nowhere.
  'schema.history.internal.store.only.captured.tables.ddl': ['false'],
  'schema.history.internal.store.only.captured.databases.ddl': ['false'],
  'gtid.source.filter.dml.events': ['true'],
};

/** Options whose defaults lose something: they must be set. */
const SET: Readonly<Record<string, string>> = {
  'skipped.operations': 'none',
  'event.converting.failure.handling.mode': 'fail',
  'enable.time.adjuster': 'false',
};

/** Options that change or leave out what arrives, if they are there at all. */
const UNWANTED = [
  /^transforms$/,
  /^converters$/,
  /^column\.(?!propagate\.|(?:in|ex)clude\.list$)/,
  /^topic\.naming\.strategy$/,
  /^topic\.delimiter$/,
  /^post\.processors$/,
  /^gtid\.source\.(?:in|ex)cludes$/,
] as const;

/** Reads a connector's options. `null`: it is none of Debezium's for MySQL or MariaDB. */
export function connectorModes(options: ConnectorOptions): ConnectorModes | null {
  const flavours: Readonly<Record<string, 'mysql' | 'mariadb' | undefined>> = CLASSES;
  const flavour = flavours[options['connector.class'] ?? ''];
  const prefix = options['topic.prefix'] ?? '';
  if (flavour === undefined || prefix === '') return null;
  return {
    flavour,
    prefix,
    values: valueModes(options),
    obstacles: [...optionObstacles(options), ...heartbeatObstacles(options)],
    hints: keepAliveHints(options),
    captures: (table) => isCaptured(options, table),
  };
}

function valueModes(options: ConnectorOptions): ValueModes {
  const binary = options['binary.handling.mode'];
  return {
    decimal: options['decimal.handling.mode'] === 'string' ? 'string' : 'precise',
    unsignedLong: options['bigint.unsigned.handling.mode'] === 'precise' ? 'precise' : 'long',
    binary: binary === 'hex' ? 'hex' : binary === 'base64-url-safe' ? 'base64url' : 'base64',
  };
}

function optionObstacles(options: ConnectorOptions): readonly string[] {
  const found: string[] = [];
  for (const [name, allowed] of Object.entries(NEEDED)) {
    const value = options[name]?.trim().toLowerCase() ?? allowed[0];
    if (value === undefined || allowed.includes(value)) continue;
    found.push(`${name} is ${value}; it must be ${allowed.join(' or ')}.`);
  }
  for (const [name, needed] of Object.entries(SET)) {
    const value = options[name]?.trim().toLowerCase();
    if (value === needed) continue;
    found.push(`${name} is ${value ?? 'left out'}; it must be ${needed}.`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value.trim() === '' || !UNWANTED.some((pattern) => pattern.test(name))) continue;
    found.push(`${name} is set: it changes or leaves out what arrives.`);
  }
  const converter = options['value.converter'];
  if (converter !== undefined && converter !== 'org.apache.kafka.connect.json.JsonConverter') {
    found.push(`value.converter is ${converter}; it must be Kafka’s JsonConverter.`);
  }
  return found;
}

/** Without them the connector’s place stands still while other tables change. */
function heartbeatObstacles(options: ConnectorOptions): readonly string[] {
  const interval = Number.parseInt(options['heartbeat.interval.ms'] ?? '0', 10);
  if (interval > 0) return [];
  return [
    'heartbeat.interval.ms is not above 0: its place would stand still while nothing changes.',
  ];
}

/** The server's word on a quiet connection comes after 0.8 of this time. */
const KEEP_ALIVE_MS = { known: 60_000, wanted: 10_000 } as const;

function keepAliveHints(options: ConnectorOptions): readonly string[] {
  const set = Number.parseInt(options['connect.keep.alive.interval.ms'] ?? '', 10);
  const ms = Number.isNaN(set) ? KEEP_ALIVE_MS.known : set;
  if (ms <= KEEP_ALIVE_MS.wanted) return [];
  return [
    `connect.keep.alive.interval.ms is ${ms}: the last change before a quiet time waits up to ${ms * 0.0008} s; 5000 is enough.`,
  ];
}

function isCaptured(options: ConnectorOptions, table: TableName): boolean {
  const { namespace } = table;
  const name = `${namespace}.${table.table}`;
  return (
    isListed(options, { kind: 'database', name: namespace }) &&
    isListed(options, { kind: 'table', name })
  );
}

function isListed(
  options: ConnectorOptions,
  { kind, name }: { readonly kind: 'database' | 'table'; readonly name: string },
): boolean {
  const included = options[`${kind}.include.list`] ?? '';
  if (included !== '') return matchesOne(included, name);
  const excluded = options[`${kind}.exclude.list`] ?? '';
  return excluded === '' || !matchesOne(excluded, name);
}

/** A list of Java's regular expressions, each for a whole name, letters in either case. */
function matchesOne(list: string, name: string): boolean {
  return list.split(',').some((item) => {
    const pattern = item.trim().replaceAll(/\\x\{([0-9a-f]+)\}/gi, String.raw`\u{$1}`);
    try {
      return new RegExp(`^(?:${pattern})$`, 'iu').test(name);
    } catch {
      // Java knows more than this side: such a list cannot be judged, and is taken for a miss.
      return false;
    }
  });
}

/** For messages: the tables that a connector does not read. */
export function missedTables(
  modes: ConnectorModes,
  tables: readonly TableName[],
): readonly string[] {
  return tables.filter((table) => !modes.captures(table)).map(formatTableName);
}

/**
 * Topic of a table's changes, by Debezium's rule: what Kafka does not take in a name becomes `_`.
 * Different tables can have one topic by it.
 */
export function topicOf(prefix: string, { namespace, table }: TableName): string {
  // By UTF-16 unit, as Java does.
  return `${prefix}.${namespace}.${table}`.replaceAll(/[^A-Za-z0-9._-]/g, '_');
}
