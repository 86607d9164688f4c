/**
 * A broker of its own that is reached over TLS with a login alone: one process, its data in a
 * folder that is gone after the test. It runs beside the lane's cluster, from the same jars.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { readSettings } from '../../../src/devcluster/cluster-settings.ts';
import { JARS_FOLDER } from '../../../src/devcluster/maven-project.ts';
import { ensureJars } from '../../../src/devcluster/part-cache.ts';
import { javaCommand, writeProperties } from '../../../src/devcluster/servers/java-command.ts';
import { KAFKA_JARS } from '../../../src/devcluster/version-table.ts';
import type { KafkaAddress } from '../../../src/kafka/kafka-address.ts';
import { KafkaAdmin } from '../../../src/kafka/kafka-admin.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { isFirnError } from '../../../src/kernel/firn-error.ts';
import { present } from '../../../src/kernel/assert.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { CLUSTER_VARIABLE, freePortBase, laneParts } from '../../../tools/servers/lane-cluster.ts';
import { makeAuthority, makeCertificate } from '../../live/support/certificates.ts';

type Mechanism = NonNullable<KafkaAddress['sasl']>['mechanism'];

/** The login that the broker takes. */
const USER = 'firn';
const PASSWORD = 'canary-of-the-broker';

/** How clients reach the broker. */
export interface SecureKafka {
  readonly bootstrapServers: string;
  /** The authority of its certificate, and one that has signed nothing. */
  readonly ca: string;
  readonly otherCa: string;
  address(mechanism: Mechanism): KafkaAddress;
}

const START_MS_MAX = 60_000;

/** Starts one, with all three mechanisms; ended with the test. */
export async function startSecureKafka(t: TestContext): Promise<SecureKafka> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-kafka-'));
  const base = freePortBase();
  const shared = present(readSettings(process.env[CLUSTER_VARIABLE] ?? ''), 'the lane’s cluster');
  const parts = laneParts({ ...shared, folder });
  const ca = makeAuthority(folder, 'ca');
  const otherCa = makeAuthority(folder, 'other');
  makeCertificate({ folder, authority: 'ca', hostName: 'localhost', days: 2 });
  const identity = ['server.key', 'server.pem'].map((name) => readFileSync(join(folder, name)));
  writeFileSync(join(folder, 'identity.pem'), Buffer.concat(identity));
  const config = writeProperties(parts, 'kafka', brokerConfig(folder, base));
  const jars = join(await ensureJars(parts, KAFKA_JARS), JARS_FOLDER);
  const scram = ['256', '512'].flatMap((bits) => [
    '--add-scram',
    `SCRAM-SHA-${bits}=[name=${USER},password=${PASSWORD}]`,
  ]);
  const words = ['format', '-t', shared.clusterId, '-c', config, ...scram];
  const main = 'kafka.tools.StorageTool';
  const [java = '', ...format] = javaCommand(parts, { name: 'kafka', jars, main, words });
  const formatted = spawnSync(java, format, { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(`${formatted.stdout}${formatted.stderr}`);
  const output = openSync(join(folder, 'kafka.log'), 'w');
  const program = { name: 'kafka', jars, main: 'kafka.Kafka', words: [config] } as const;
  const [, ...start] = javaCommand(parts, program);
  const broker = spawn(java, start, { stdio: ['ignore', output, output] });
  closeSync(output);
  t.after(async () => {
    const ended = new Promise((resolve) => broker.once('exit', resolve));
    if (broker.exitCode === null && broker.kill('SIGKILL')) await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const bootstrapServers = `localhost:${base}`;
  const address = (mechanism: Mechanism): KafkaAddress => {
    const sasl = { mechanism, username: USER, password: PASSWORD };
    return { bootstrapServers, tls: { ca }, sasl };
  };
  await answers(address('PLAIN'), join(folder, 'kafka.log'));
  return { bootstrapServers, ca, otherCa, address };
}

function brokerConfig(folder: string, base: number): Readonly<Record<string, string | number>> {
  const at = (index: number): string => `127.0.0.1:${base + index}`;
  const module = 'org.apache.kafka.common.security';
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${at(2)}`,
    listeners: `CLIENT://${at(0)},INTERNAL://${at(1)},CONTROLLER://${at(2)}`,
    'advertised.listeners': `CLIENT://localhost:${base},INTERNAL://${at(1)}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': 'CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.client.plain.sasl.jaas.config': `${module}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
    'listener.name.client.scram-sha-256.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'listener.name.client.scram-sha-512.sasl.jaas.config': `${module}.scram.ScramLoginModule required;`,
    'listener.name.client.ssl.keystore.type': 'PEM',
    'listener.name.client.ssl.keystore.location': join(folder, 'identity.pem'),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
  };
}

/** Waits until the broker takes a login. */
async function answers(address: KafkaAddress, log: string): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    const admin = new KafkaAdmin({ address, clock: systemClock, random: systemRandom });
    try {
      await admin.find(['none']);
      return;
    } catch (error) {
      if (!isFirnError(error)) throw error;
      if (performance.now() > deadline)
        throw new Error(readFileSync(log, 'utf8'), { cause: error });
    } finally {
      await admin.close();
    }
    await systemClock.sleep(200);
  }
}
