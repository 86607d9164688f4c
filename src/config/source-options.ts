/**
 * The options of each kind of source. A new source is one more entry here; its type, checks,
 * JSON Schema and documentation follow.
 */
import type { Section } from './option.ts';

const sqlite = {
  path: {
    type: { kind: 'path' },
    text: 'The SQLite database. It must be in WAL mode.',
    since: '0.1',
  },
  pollInterval: {
    type: { kind: 'duration', minMs: 10, maxMs: 3_600_000 },
    default: '250ms',
    text: 'How often the database is asked whether something was committed.',
    since: '0.1',
  },
} as const satisfies Section;

const mysql = {
  host: {
    type: { kind: 'text' },
    text: 'Name or address of the MySQL or MariaDB server.',
    since: '0.1',
  },
  port: {
    type: { kind: 'integer', min: 1, max: 65_535 },
    default: 3306,
    text: 'Port of the server.',
    since: '0.1',
  },
  user: {
    type: { kind: 'text' },
    text: 'User with the grants of docs/sources/mysql.md; `firn check` names those that are missing.',
    since: '0.1',
  },
  password: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the password is kept. Left out: the user has none.',
    since: '0.1',
  },
  tls: {
    type: { kind: 'choice', values: ['verify', 'verify-ca', 'off'] },
    default: 'verify',
    text: '`verify`: encrypted, and the server’s certificate and the name in it are checked. `verify-ca`: only that `tlsCa` signed it, for the certificates that servers make for themselves. `off`: everything can be read on the way, for loopback and tunnels.',
    since: '0.1',
  },
  tlsCa: {
    type: { kind: 'path' },
    default: null,
    text: 'Certificates (PEM) of the authority that signed the server’s. Left out: those that Node.js brings.',
    since: '0.1',
  },
  serverId: {
    type: { kind: 'either', word: 'auto', of: { kind: 'integer', min: 1, max: 4_294_967_295 } },
    default: 'auto',
    text: 'Number under which the log is read; no other replica of the server may have it. `auto`: made from the pipeline’s name.',
    since: '0.1',
  },
  onSwap: {
    type: { kind: 'choice', values: ['halt', 'bootstrap'] },
    default: 'halt',
    text: 'What happens when a migration tool (gh-ost, pt-online-schema-change) puts another table in the place of a captured one: `halt` stops the table, `bootstrap` loads it again by itself.',
    since: '0.1',
  },
  connectTimeout: {
    type: { kind: 'duration', minMs: 100, maxMs: 600_000 },
    default: '10s',
    text: 'How long a connection may take to be made.',
    since: '0.1',
  },
  heartbeatInterval: {
    type: { kind: 'duration', minMs: 100, maxMs: 3_600_000 },
    default: '10s',
    text: 'How often a quiet server says that it is there. After three times this without a word the connection is made anew.',
    since: '0.1',
  },
  readConnections: {
    type: { kind: 'integer', min: 1, max: 64 },
    default: 2,
    text: 'Connections that read existing rows at the same time.',
    since: '0.1',
  },
} as const satisfies Section;

const HOST_AND_PORT = String.raw`(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}`;

const topics = {
  bootstrapServers: {
    type: {
      kind: 'text',
      pattern: new RegExp(`^${HOST_AND_PORT}(?:,${HOST_AND_PORT})*$`),
      patternText: 'host:port, several with commas between them',
    },
    text: 'Brokers of Kafka.',
    since: '0.1',
  },
  tls: {
    type: { kind: 'choice', values: ['verify', 'off'] },
    default: 'verify',
    text: '`verify`: encrypted, and the brokers’ certificates and names are checked. `off`: everything can be read on the way, for loopback and tunnels.',
    since: '0.1',
  },
  tlsCa: {
    type: { kind: 'path' },
    default: null,
    text: 'Certificates (PEM) of the authority that signed the brokers’. Left out: those that Node.js brings.',
    since: '0.1',
  },
  mechanism: {
    type: { kind: 'choice', values: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] },
    default: 'SCRAM-SHA-512',
    text: 'How the user logs in (SASL).',
    since: '0.1',
  },
  user: {
    type: { kind: 'text' },
    default: null,
    text: 'User at the brokers. Left out: they ask for no login.',
    since: '0.1',
  },
  password: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the user’s password is kept.',
    since: '0.1',
  },
} as const satisfies Section;

const connect = {
  url: {
    type: {
      kind: 'text',
      pattern: /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#@]*)?$/,
      patternText: 'an address http://host:port or https://host:port, without a user in it',
    },
    text: 'REST interface of the Kafka Connect that runs the connector: it says up to where the topics are complete.',
    since: '0.1',
  },
  connector: {
    type: { kind: 'text' },
    text: 'Name of the connector there.',
    since: '0.1',
  },
  server: {
    type: {
      kind: 'text',
      pattern: new RegExp(`^${HOST_AND_PORT}$`),
      patternText: 'host:port',
    },
    default: null,
    text: 'The database server as the connector knows it, where that is another name of the one in `database`. Left out: the same host and port.',
    since: '0.1',
  },
} as const satisfies Section;

const debezium = {
  kafka: {
    type: { kind: 'section', options: topics },
    text: 'Where the topics are.',
    since: '0.1',
  },
  connect: {
    type: { kind: 'section', options: connect },
    text: 'The connector that fills them.',
    since: '0.1',
  },
  database: {
    type: { kind: 'section', options: mysql },
    text: 'The database behind the connector: tables, existing rows and marks come from it, changes do not.',
    since: '0.1',
  },
} as const satisfies Section;

/** Option sections by source type. */
export const SOURCE_OPTIONS = { sqlite, mysql, debezium } as const;
