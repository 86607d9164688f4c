/**
 * Keys of a warehouse on S3, or for a catalog that wants signatures, read where they are kept each
 * time they are asked for.
 */
import type { S3Config } from '../../config/pipeline-config.ts';
import type { SecretReader, SecretReference } from '../../config/secret-reference.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { SigningKeys } from '../../storage/http/signature-v4.ts';

/** Where keys are kept, one by one or together. */
export type KeptKeys = Pick<
  S3Config,
  'accessKeyId' | 'secretAccessKey' | 'sessionToken' | 'credentials'
>;

/**
 * Reads the keys: from the JSON that `credentials` leads to, or each by itself; what the pipeline
 * file does not say is taken from the environment's variables of AWS.
 *
 * @throws {FirnError} CONFIG-SECRET-MISSING
 */
export async function readS3Credentials(
  config: KeptKeys,
  readSecret: SecretReader | undefined,
): Promise<SigningKeys> {
  const read = present(readSecret, 'a reader of secrets');
  if (config.credentials !== null) return parseCredentials(await read(config.credentials));
  const ownKeys = config.accessKeyId !== null;
  const variable = (name: string): SecretReference => ({ kind: 'env', name });
  return {
    accessKeyId: await read(config.accessKeyId ?? variable('AWS_ACCESS_KEY_ID')),
    secretAccessKey: await read(config.secretAccessKey ?? variable('AWS_SECRET_ACCESS_KEY')),
    sessionToken: await readToken(read, {
      reference: config.sessionToken,
      other: ownKeys ? null : variable('AWS_SESSION_TOKEN'),
    }),
  };
}

/** A token that the file names must be there; the environment has one or not. */
async function readToken(
  read: SecretReader,
  token: { readonly reference: SecretReference | null; readonly other: SecretReference | null },
): Promise<string | null> {
  if (token.reference !== null) return read(token.reference);
  if (token.other === null) return null;
  try {
    return await read(token.other);
  } catch (error) {
    if (isFirnError(error, 'CONFIG-SECRET-MISSING')) return null;
    throw error;
  }
}

/** The format of `credential_process` (AWS CLI User Guide, "Sourcing credentials"). */
function parseCredentials(text: string): SigningKeys {
  const fields = fieldsOf(text);
  const accessKeyId = fields?.['AccessKeyId'];
  const secretAccessKey = fields?.['SecretAccessKey'];
  const sessionToken = fields?.['SessionToken'] ?? null;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string') throw malformed();
  if (sessionToken !== null && typeof sessionToken !== 'string') throw malformed();
  return { accessKeyId, secretAccessKey, sessionToken };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const document: unknown = parseJson(text);
    return typeof document === 'object' && document !== null ? { ...document } : null;
  } catch {
    // The parser's message would quote the secret.
    return null;
  }
}

function malformed(): FirnError {
  return new FirnError('CONFIG-SECRET-MISSING', {
    what: 'it is no JSON with AccessKeyId and SecretAccessKey',
    where: '`credentials`',
  });
}
