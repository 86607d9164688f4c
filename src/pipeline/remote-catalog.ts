/** The REST catalog that a pipeline file asks for, and what `check` says of it. */
import type { PipelineConfig, RestCatalogConfig } from '../config/pipeline-config.ts';
import type { SecretReader } from '../config/secret-reference.ts';
import { present, unreachable } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';
import type { RetryPolicy } from '../kernel/retry.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { Finding } from '../ports/source.ts';
import type { Authorization } from '../storage/rest/authorization.ts';
import type { VendedCredentials } from '../storage/rest/vended-credentials.ts';
import { readS3Credentials } from './secrets/s3-credentials.ts';

/** What a remote catalog is opened with. */
export interface RemoteCatalogParts {
  readonly config: PipelineConfig;
  readonly clock: Clock;
  readonly random: Random;
  /** Needed where the catalog wants to know who asks; called each time it no longer believes it. */
  readonly readSecret?: SecretReader;
}

/** Keeps the keys that the catalog gives out; `null`: none are asked for. */
export async function vendedKeys(
  { clock }: RemoteCatalogParts,
  { storageKeys }: RestCatalogConfig,
): Promise<VendedCredentials | null> {
  if (storageKeys === 'own') return null;
  const { VendedCredentials } = await import('../storage/rest/vended-credentials.ts');
  return new VendedCredentials(clock);
}

/** Opens the catalog: asks the server for its settings. */
export async function openRemoteCatalog(
  parts: RemoteCatalogParts,
  chosen: RestCatalogConfig,
  keys: VendedCredentials | null,
  retryPolicy?: RetryPolicy,
): Promise<Catalog> {
  const { openRestCatalog } = await import('../storage/rest/rest-catalog.ts');
  const { clock, random } = parts;
  const { uri, warehouse, timeoutMs } = chosen;
  return openRestCatalog({
    uri,
    warehouse,
    authorization: await authorizationOf(parts, chosen),
    clock,
    random,
    timeoutMs,
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...(keys === null ? {} : { credentials: keys }),
  });
}

async function authorizationOf(
  { clock, random, readSecret }: RemoteCatalogParts,
  { auth, uri, timeoutMs }: RestCatalogConfig,
): Promise<Authorization> {
  const { bearerAuthorization, keptToken, noAuthorization, signatureAuthorization } =
    await import('../storage/rest/authorization.ts');
  switch (auth.type) {
    case 'none':
      return noAuthorization;
    case 'bearer': {
      const read = present(readSecret, 'a reader of secrets');
      return bearerAuthorization(keptToken(() => read(auth.token)));
    }
    case 'oauth2': {
      const { oauthTokens } = await import('../storage/rest/oauth-tokens.ts');
      const { restAddress } = await import('../storage/rest/rest-address.ts');
      const read = present(readSecret, 'a reader of secrets');
      const tokenUri = auth.tokenUri ?? `${uri.replace(/\/+$/, '')}/v1/oauth/tokens`;
      const { clientId, scope, clientSecret } = auth;
      return bearerAuthorization(
        oauthTokens({
          address: restAddress(tokenUri),
          clientId,
          clientSecret: () => read(clientSecret),
          scope,
          clock,
          random,
          timeoutMs,
        }),
      );
    }
    case 'sigv4': {
      const { region, service } = auth;
      const credentials = () => readS3Credentials(auth, readSecret);
      return signatureAuthorization({ region, service, credentials });
    }
    default:
      return unreachable(auth);
  }
}

/** A person waits for the answer. */
const checkPolicy: RetryPolicy = { attemptsMax: 3, pauseMs: 200, pauseMsMax: 1000 };

/** What stands in the way of a remote catalog; nothing is made there. */
export async function checkCatalog(parts: RemoteCatalogParts): Promise<readonly Finding[]> {
  const { catalog: chosen } = parts.config.lake;
  if (chosen.type !== 'rest') return [];
  const about = { code: 'catalog', table: null } as const;
  try {
    const catalog = await openRemoteCatalog(parts, chosen, null, checkPolicy);
    await catalog.listTables(parts.config.name);
    await catalog.close();
    const together = catalog.commitsAtomically
      ? 'commits several tables at once'
      : 'commits each table by itself';
    const message = `The catalog at ${chosen.uri} answers and ${together}.`;
    return [{ ...about, severity: 'ok', message, fix: null }];
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
    const message = `The catalog at ${chosen.uri} cannot be used: ${error.message}`;
    return [{ ...about, severity: 'error', code: error.code, message, fix: null }];
  }
}
