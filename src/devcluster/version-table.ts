/**
 * What the development cluster is made of: the one table of versions. All of it comes from package
 * registries (Maven Central, PyPI). A version of one package says nothing about its sisters: these
 * have been run together.
 */

/** A package of Maven Central. */
export interface Jar {
  /** `group:artifact`. */
  readonly name: string;
  readonly version: string;
  /** Without what it depends on: it is whole in itself. */
  readonly alone?: true;
}

/** A connector as an archive that holds a folder of jars. */
export interface ConnectorArchive {
  readonly name: string;
  readonly version: string;
}

/** Jars of one class path. */
export interface JarSet {
  readonly name: string;
  readonly jars: readonly Jar[];
  /** Connectors of Connect, each with class loaders of its own. */
  readonly connectors: readonly ConnectorArchive[];
}

/** Versions by what they belong to. */
export const VERSIONS = {
  kafka: '4.3.1',
  debeziumMysql: '3.6.1.Final',
  debeziumMariadb: '3.5.0.Final',
  flink: '2.1.1',
  flinkKafka: '4.0.1-2.0',
  hadoop: '3.4.3',
  iceberg: '1.11.0',
  spark: '4.0.1',
  mariadbDriver: '3.5.6',
  log4j: '2.24.3',
  seaweedfs: '4.48',
} as const;

const LOG4J: readonly Jar[] = ['log4j-core', 'log4j-slf4j-impl'].map((artifact) => {
  return { name: `org.apache.logging.log4j:${artifact}`, version: VERSIONS.log4j };
});

function sisters(group: string, version: string, artifacts: readonly string[]): readonly Jar[] {
  return artifacts.map((artifact) => ({ name: `${group}:${artifact}`, version }));
}

const AWS: Jar = {
  name: 'org.apache.iceberg:iceberg-aws-bundle',
  version: VERSIONS.iceberg,
  alone: true,
};

/** Broker, tools and Connect; Debezium's connectors. */
export const KAFKA_JARS: JarSet = {
  name: 'kafka',
  jars: [
    ...sisters('org.apache.kafka', VERSIONS.kafka, [
      'kafka_2.13',
      'kafka-tools',
      'connect-runtime',
      'connect-json',
    ]),
    ...LOG4J,
  ],
  connectors: [
    { name: 'io.debezium:debezium-connector-mysql', version: VERSIONS.debeziumMysql },
    { name: 'io.debezium:debezium-connector-mariadb', version: VERSIONS.debeziumMariadb },
  ],
};

/** JobManager, TaskManager and SQL Gateway; `flink-dist` itself is not on Maven Central. */
export const FLINK_JARS: JarSet = {
  name: 'flink',
  jars: [
    ...sisters('org.apache.flink', VERSIONS.flink, [
      'flink-clients',
      'flink-runtime-web',
      'flink-sql-gateway',
      'flink-table-api-java-bridge',
      'flink-table-runtime',
      'flink-table-planner-loader',
      'flink-json',
      'flink-connector-files',
    ]),
    {
      name: 'org.apache.flink:flink-sql-connector-kafka',
      version: VERSIONS.flinkKafka,
      alone: true,
    },
    {
      name: 'org.apache.iceberg:iceberg-flink-runtime-2.1',
      version: VERSIONS.iceberg,
      alone: true,
    },
    AWS,
    // Iceberg's catalogs for Flink want Hadoop's classes, whatever the catalog is.
    { name: 'org.apache.hadoop:hadoop-client-api', version: VERSIONS.hadoop, alone: true },
    { name: 'org.apache.hadoop:hadoop-client-runtime', version: VERSIONS.hadoop, alone: true },
    ...LOG4J,
    { name: 'org.apache.logging.log4j:log4j-1.2-api', version: VERSIONS.log4j },
  ],
  connectors: [],
};

/** Spark with the server of Spark Connect, and the driver with which it reads sources. */
export const SPARK_JARS: JarSet = {
  name: 'spark',
  jars: [
    ...sisters('org.apache.spark', VERSIONS.spark, ['spark-sql_2.13', 'spark-connect_2.13']),
    // Spark Connect wants a class of it to end a session, and names it nowhere.
    { name: 'org.apache.spark:spark-mllib_2.13', version: VERSIONS.spark, alone: true },
    { name: 'org.apache.spark:spark-mllib-local_2.13', version: VERSIONS.spark, alone: true },
    {
      name: 'org.apache.iceberg:iceberg-spark-runtime-4.0_2.13',
      version: VERSIONS.iceberg,
      alone: true,
    },
    {
      name: 'org.mariadb.jdbc:mariadb-java-client',
      version: VERSIONS.mariadbDriver,
      alone: true,
    },
    AWS,
  ],
  connectors: [],
};
