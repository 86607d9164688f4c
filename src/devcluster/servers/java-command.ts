/** How a Java program of the cluster is called: heap, log, loopback, and what Java 17 must open. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterParts } from '../cluster-parts.ts';
import { replaceFile } from '../cluster-settings.ts';
import type { JavaServer } from '../cluster-settings.ts';
import { findJava } from '../machine-programs.ts';
import type { Environment } from '../machine-programs.ts';

/** One Java program. */
export interface JavaProgram {
  readonly name: JavaServer;
  /** Folder of its jars. */
  readonly jars: string;
  readonly main: string;
  /** Of the virtual machine. */
  readonly options?: readonly string[];
  readonly words?: readonly string[];
}

/** Folder of the texts that a cluster's programs read. */
export function configFolder({ settings }: ClusterParts): string {
  const folder = join(settings.folder, 'conf');
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Writes lines of `key=value`, as Java's properties are; gives the path. */
export function writeProperties(
  parts: ClusterParts,
  name: string,
  properties: Readonly<Record<string, string | number | boolean>>,
): string {
  const path = join(configFolder(parts), `${name}.properties`);
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}`);
  replaceFile(path, `${lines.join('\n')}\n`);
  return path;
}

/** Lines of the log go to the process's output, which is its log file. */
function logOptions(parts: ClusterParts): readonly string[] {
  const path = writeProperties(parts, 'log4j2', {
    'rootLogger.level': 'INFO',
    'rootLogger.appenderRef.out.ref': 'out',
    'appender.out.type': 'Console',
    'appender.out.name': 'out',
    'appender.out.layout.type': 'PatternLayout',
    'appender.out.layout.pattern': '%d{HH:mm:ss,SSS} %-5p %c{1} %m%n',
  });
  return [`-Dlog4j2.configurationFile=${path}`];
}

/**
 * An empty folder for what a program puts aside while it runs. A server that is killed leaves some
 * 50 MB: in the cluster's folder, and until the next start.
 */
function temporaryFolder({ settings }: ClusterParts, name: JavaServer): string {
  const folder = join(settings.folder, 'tmp', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** The Java of an environment: asking it for its version takes a part of a second each time. */
const found = new WeakMap<Environment, string>();

function javaOf({ environment }: ClusterParts): string {
  const java = found.get(environment) ?? findJava(environment);
  found.set(environment, java);
  return java;
}

/** The command of a program that does not run yet, with the heap of its server. */
export function javaCommand(parts: ClusterParts, program: JavaProgram): readonly string[] {
  const { name, jars, main, options = [], words = [] } = program;
  return [
    javaOf(parts),
    `-Xmx${parts.settings.heapMib[name]}m`,
    '-XX:+UseSerialGC',
    // The classes of a start alone would bring three collections of the whole heap.
    '-XX:MetaspaceSize=128m',
    // A server that has no memory left ends, and is seen to have.
    '-XX:+ExitOnOutOfMemoryError',
    '-Djava.net.preferIPv4Stack=true',
    `-Djava.io.tmpdir=${temporaryFolder(parts, name)}`,
    ...logOptions(parts),
    ...options,
    '-cp',
    join(jars, '*'),
    main,
    ...words,
  ];
}

/** Packages of Java's own that a program must reach into. */
export function opened(
  module: string,
  packages: readonly string[],
  kind: 'opens' | 'exports' = 'opens',
): readonly string[] {
  return packages.map((name) => `--add-${kind}=${module}/${name}=ALL-UNNAMED`);
}
