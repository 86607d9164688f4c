/** What a connector is told of secrets, of TLS, and of what it must not lose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCase } from '../../../tools/cluster-cases.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { connectorConfig } from './connector-config.ts';
import type { ConnectorConfig } from './connector-config.ts';

const TABLE = {
  name: ['shop', 'orders'],
  columns: { id: 'int(11) not null' },
  key: ['id'],
} as const;

/** The connector of a source whose options end so. */
function configOf(options: string, connector = 'mysql', more = ''): ConnectorConfig {
  const lines = {
    source: `source: {type: mysql, host: db, user: u${options}}`,
    cluster:
      `cluster: {kafka: {bootstrapServers: "k:1"}, connect: {url: "http://c:1", connector: ${connector}${more}},` +
      ' flink: {gateway: "http://g:1", jobManager: "http://j:1"}, spark: {address: "s:1"}}',
  };
  return connectorConfig(planCase({ flavour: 'mysql', lines, tables: [TABLE] }));
}

test('spec: E4 — a password is a reference that the workers resolve, or it is refused', () => {
  const password = (options: string, more = ''): string | undefined => {
    return configOf(options, 'mysql', more)['database.password'];
  };
  assert.equal(password(', password: {env: P}'), '${env:P}');
  assert.equal(password(', password: {file: /run/secrets/shop-db}'), '${dir:/run/secrets:shop-db}');
  assert.equal(password(', password: {file: secret}'), '${dir:/etc/firn:secret}');
  assert.equal(password(''), undefined);
  const reference = ", passwordReference: '${vault:shop:p}'";
  assert.equal(password(', password: {command: [pass, shop]}', reference), '${vault:shop:p}');
  for (const secret of [
    '{command: [pass, shop]}',
    '{file: "/run/a b"}',
    '{file: "/run/a:b"}',
    '{file: "/run/${env:X}"}',
  ]) {
    assert.throws(
      () => password(`, password: ${secret}`),
      (error) => isFirnError(error, 'CLUSTER-SECRET') && !/canary|a b|a:b/.test(error.message),
    );
  }
});

test('TLS is told in the words of each connector', () => {
  const modes = (connector: string): readonly (string | undefined)[] => {
    return ['', ', tls: verify-ca, tlsCa: ca.pem', ', tls: off'].map((tls) => {
      return configOf(tls, connector)['database.ssl.mode'];
    });
  };
  assert.deepEqual(modes('mysql'), ['verify_identity', 'verify_ca', 'disabled']);
  assert.deepEqual(modes('mariadb'), ['verify-full', 'verify-ca', 'disable']);
});

test('spec: E5 — nothing is skipped, bent or replaced by null without a word', () => {
  const config = configOf('');
  const wanted: ConnectorConfig = {
    'skipped.operations': 'none',
    'tombstones.on.delete': 'false',
    'snapshot.mode': 'no_data',
    'enable.time.adjuster': 'false',
    'event.converting.failure.handling.mode': 'fail',
    'event.processing.failure.handling.mode': 'fail',
    'inconsistent.schema.handling.mode': 'fail',
    'schema.history.internal.skip.unparseable.ddl': 'false',
    'errors.tolerance': 'none',
    'value.converter.schemas.enable': 'false',
  };
  for (const [key, value] of Object.entries(wanted)) assert.equal(config[key], value, key);
});

test('the number under which the log is read is the file’s, or the same at each start', () => {
  assert.equal(configOf(', serverId: 7')['database.server.id'], '7');
  const own = configOf('')['database.server.id'] ?? '';
  assert.equal(configOf('')['database.server.id'], own);
  assert.ok(BigInt(own) >= 1_000_000_000n && BigInt(own) < 2n ** 32n);
});
