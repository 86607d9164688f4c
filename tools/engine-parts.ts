/**
 * What the tests of the engine lane start: jars, Python packages and S3 servers, fetched before the
 * first test and one after the other, so that no two tests fetch the same thing at once.
 */
import { ensureJars } from './java-jars.ts';
import { ensurePython } from './python.ts';
import { ensureRestKit } from './rest-kit.ts';
import { ensureS3Programs } from './servers/s3-server.ts';

const READERS = 'test/engines/matrix';

/**
 * Fetches all of it. A machine without Java or Python is told of by the tests that need it.
 *
 * @throws {Error} when something that could be had cannot be fetched
 */
export async function ensureEngineParts(): Promise<void> {
  const pythons = [ensurePython(), ensurePython(`${READERS}/requirements.txt`)];
  if (pythons.every(({ kind }) => kind === 'ready')) await ensureS3Programs();
  ensureRestKit();
  for (const name of ['spark', 'flink']) ensureJars({ name, pom: `${READERS}/${name}-pom.xml` });
}
