/** Address and login of a MySQL or MariaDB source, with secrets and certificates read anew. */
import { readFileSync } from 'node:fs';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import type { SecretReader } from '../../config/secret-reference.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { MysqlAddress, MysqlTls } from '../../sources/mysql/login.ts';

/** How a server is reached. */
export type MysqlConfig = Omit<
  Extract<PipelineConfig['source'], { readonly type: 'mysql' }>,
  'type'
>;

/**
 * Reads what a connection needs: a rotated password or certificate is taken up by the next one.
 *
 * @throws {FirnError} CONFIG-SECRET-MISSING, SOURCE-TLS
 */
export async function readMysqlAddress(
  config: MysqlConfig,
  readSecret: SecretReader | undefined,
): Promise<MysqlAddress> {
  const { host, port, user, password: reference } = config;
  const password =
    reference === null ? '' : await present(readSecret, 'a reader of secrets')(reference);
  return { host, port, user, password, tls: tlsOf(config), connectMsMax: config.connectTimeoutMs };
}

function tlsOf({ tls, tlsCa }: MysqlConfig): MysqlTls {
  if (tls === 'off') return { kind: 'off' };
  const ca = tlsCa === null ? null : readCertificates(tlsCa);
  return { kind: 'verify', ca, hostName: tls === 'verify' };
}

/**
 * Reads certificates in PEM.
 *
 * @throws {FirnError} SOURCE-TLS
 */
export function readCertificates(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const what = 'The file of certificates that tlsCa names cannot be read';
    throw new FirnError('SOURCE-TLS', { what, where: path, cause });
  }
}
