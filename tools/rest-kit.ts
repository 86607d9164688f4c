/** The Java REST Compatibility Kit of Apache Iceberg, which runs against Firn's REST catalog. */
import { ensureJars } from './java-jars.ts';
import type { JavaJars } from './java-jars.ts';

/**
 * Fetches the kit when it is not there.
 *
 * @throws {Error} when there is a Java but the jars cannot be fetched
 */
export function ensureRestKit(): JavaJars {
  return ensureJars({ name: 'rest-kit', pom: 'test/engines/rest-kit/pom.xml' });
}
