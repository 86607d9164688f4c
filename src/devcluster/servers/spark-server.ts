/**
 * Spark in one process with the server of Spark Connect. The lake's catalog is set up for every
 * session under the name that pipelines have for it, and keeps no copies of tables: a session sees
 * what others have committed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addressesOf } from '../cluster-parts.ts';
import type { ClusterParts, ServerPlan } from '../cluster-parts.ts';
import { portOf } from '../cluster-settings.ts';
import { JARS_FOLDER } from '../maven-project.ts';
import { ensureJars } from '../part-cache.ts';
import { answersSpark } from '../ready-checks.ts';
import { SPARK_JARS, VERSIONS } from '../version-table.ts';
import { javaCommand, opened } from './java-command.ts';
import { lakeEnvironment } from './lake-servers.ts';

/** Name of the lake's catalog; it is the default of `lake.catalog.name`. */
const CATALOG = 'firn';

const OPENED = [
  '-XX:+IgnoreUnrecognizedVMOptions',
  '--add-modules=jdk.incubator.vector',
  ...opened('java.base', [
    ...['lang', 'lang.invoke', 'lang.reflect', 'io', 'net', 'nio', 'util'].map(
      (name) => `java.${name}`,
    ),
    'java.util.concurrent',
    'java.util.concurrent.atomic',
    'jdk.internal.ref',
    'sun.nio.ch',
    'sun.nio.cs',
    'sun.security.action',
    'sun.util.calendar',
  ]),
  ...opened('java.security.jgss', ['sun.security.krb5']),
  '-Djdk.reflect.useDirectMethodHandle=false',
  '-Dio.netty.tryReflectionSetAccessible=true',
];

/** Spark. */
export function sparkServer(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  return {
    name: 'spark',
    version: `${VERSIONS.spark}, Iceberg ${VERSIONS.iceberg}`,
    stage: 1,
    ports: [portOf(settings, 'spark')],
    graceMs: 10_000,
    prepare: async () => {
      const jars = join(await ensureJars(parts, SPARK_JARS), JARS_FOLDER);
      const folder = join(settings.folder, 'spark');
      mkdirSync(join(folder, 'local'), { recursive: true });
      const own = Object.entries(sparkSettings(parts, folder));
      const command = javaCommand(parts, {
        name: 'spark',
        jars,
        main: 'org.apache.spark.sql.connect.service.SparkConnectServer',
        options: [...OPENED, ...own.map(([key, value]) => `-Dspark.${key}=${value}`)],
      });
      const environment = { ...parts.environment, ...lakeEnvironment(parts) };
      return { command, environment, workFolder: folder };
    },
    isReady: () => answersSpark(parts, addressesOf(settings).spark),
  };
}

function sparkSettings({ settings }: ClusterParts, folder: string) {
  const { catalog } = addressesOf(settings);
  const inCatalog = (key: string): string => `sql.catalog.${CATALOG}.${key}`;
  return {
    'app.name': 'firn-cluster',
    master: 'local[2]',
    'ui.enabled': false,
    'driver.host': '127.0.0.1',
    'driver.bindAddress': '127.0.0.1',
    'local.dir': join(folder, 'local'),
    'sql.warehouse.dir': join(folder, 'warehouse'),
    'sql.session.timeZone': 'UTC',
    'sql.shuffle.partitions': 4,
    'sql.extensions': 'org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions',
    [`sql.catalog.${CATALOG}`]: 'org.apache.iceberg.spark.SparkCatalog',
    [inCatalog('type')]: 'rest',
    [inCatalog('uri')]: catalog,
    [inCatalog('cache-enabled')]: false,
    ...(settings.s3 ? { [inCatalog('io-impl')]: 'org.apache.iceberg.aws.s3.S3FileIO' } : {}),
    'connect.grpc.binding.address': '127.0.0.1',
    'connect.grpc.binding.port': portOf(settings, 'spark'),
    // Sessions that a killed client left behind.
    'connect.session.manager.defaultSessionTimeout': '10m',
  };
}
