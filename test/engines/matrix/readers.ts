/** The readers of the matrix: how each is started, and what it must read. */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ensureJars } from '../../../tools/java-jars.ts';
import { ensurePython } from '../../../tools/python.ts';
import { ReaderProcess } from './reader-process.ts';

const HERE = import.meta.dirname;
const REQUIREMENTS = 'test/engines/matrix/requirements.txt';
const DUCKDB = 'v1.5.5/linux_amd64';
const ICEBERG = 'Iceberg 1.11.0';

/** Format versions of tables. */
export type FormatVersion = 'v2' | 'v3';

/** A reader. */
export interface Reader {
  /** As `firn catalog connect` names it. */
  readonly engine: string;
  readonly title: string;
  /** What is named beside its own version. */
  readonly by: string | null;
  /** Formats whose every table it must read as Firn does, through every door. */
  readonly must: readonly FormatVersion[];
  /** Rows that it is known to refuse all the same, by title and why. */
  readonly but?: Readonly<Record<string, string>>;
  /** Starts it; `folder` is its own, for files that it leaves. */
  readonly start: (request: StartRequest) => ReaderProcess;
}

/** With what a reader is started. */
export interface StartRequest {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

function pythonOf(requirements?: string): string {
  const python = ensurePython(requirements);
  if (python.kind === 'absent') throw new Error(python.reason);
  return python.path;
}

function python(engine: string, requirements?: string, more: readonly string[] = []) {
  return ({ environment }: StartRequest): ReaderProcess =>
    new ReaderProcess({
      command: pythonOf(requirements),
      args: [join(HERE, 'reader.py'), engine, ...more],
      environment,
    });
}

/** DuckDB’s extensions come as Python packages; it finds them where INSTALL would put them. */
function duckdb({ folder, environment }: StartRequest): ReaderProcess {
  const command = pythonOf(REQUIREMENTS);
  const libraries = join(dirname(dirname(command)), 'lib');
  const [version = ''] = readdirSync(libraries);
  const extensions = join(folder, 'extensions');
  mkdirSync(join(extensions, DUCKDB), { recursive: true });
  for (const name of ['avro', 'httpfs', 'iceberg', 'sqlite_scanner']) {
    const file = `${name}.duckdb_extension`;
    const own = `duckdb_extension_${name}/extensions/v1.5.5/${file}`;
    symlinkSync(join(libraries, version, 'site-packages', own), join(extensions, DUCKDB, file));
  }
  const args = [join(HERE, 'reader.py'), 'duckdb', extensions];
  return new ReaderProcess({ command, args, environment });
}

function java(program: string, more: readonly string[]) {
  return ({ folder, environment }: StartRequest): ReaderProcess => {
    const name = program.replace('Reader', '').toLowerCase();
    const jars = ensureJars({ name, pom: `test/engines/matrix/${name}-pom.xml` });
    if (jars.kind === 'absent') throw new Error(jars.reason);
    const place = [`-Djava.io.tmpdir=${folder}`, `-Dspark.sql.warehouse.dir=${folder}`];
    const args = ['-Xmx1g', ...more, ...place, '-cp', jars.classPath];
    const source = join(HERE, `${program}.java`);
    return new ReaderProcess({ command: 'java', args: [...args, source], environment });
  };
}

/** All of them, in the order of the page. */
export const READERS: readonly Reader[] = [
  {
    engine: 'spark',
    title: 'Spark',
    by: ICEBERG,
    must: ['v2', 'v3'],
    but: {
      'ledger with columns added and widened':
        'Iceberg’s vectorized reader does not widen 32-bit integers that name their width',
    },
    start: java('SparkReader', [`@${resolve(HERE, 'spark.args')}`]),
  },
  {
    engine: 'flink',
    title: 'Flink',
    by: ICEBERG,
    must: [],
    start: java('FlinkReader', ['-Duser.timezone=UTC']),
  },
  {
    engine: 'pyiceberg',
    title: 'PyIceberg',
    by: null,
    must: ['v2', 'v3'],
    start: python('pyiceberg'),
  },
  { engine: 'duckdb', title: 'DuckDB', by: null, must: ['v2'], start: duckdb },
  {
    engine: 'polars',
    title: 'Polars',
    by: 'its own reader',
    must: ['v2'],
    start: python('polars', REQUIREMENTS),
  },
  { engine: 'chdb', title: 'chDB', by: null, must: ['v2'], start: python('chdb', REQUIREMENTS) },
  { engine: 'daft', title: 'Daft', by: null, must: [], start: python('daft', REQUIREMENTS) },
];

/** Why the matrix cannot run here; `false` when it can. Fetches what is missing. */
export function matrixSkip(): string | false {
  for (const requirements of [undefined, REQUIREMENTS]) {
    const answer = ensurePython(requirements);
    if (answer.kind === 'absent') return answer.reason;
  }
  for (const name of ['spark', 'flink']) {
    const answer = ensureJars({ name, pom: `test/engines/matrix/${name}-pom.xml` });
    if (answer.kind === 'absent') return answer.reason;
  }
  return false;
}
