/**
 * How requests to a REST catalog prove who asks: not at all, by a token, or by a signature.
 * Secrets are read where they are kept when they are first needed, and again when the server no
 * longer takes them; they are kept in memory only.
 */
import { sha256Hex, signedHeaders } from '../http/signature-v4.ts';
import type { SigningKeys } from '../http/signature-v4.ts';

/** A request as it will be sent, but for what proves who asks. */
export interface UnsignedCall {
  readonly method: string;
  readonly host: string;
  /** Encoded. */
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly nowMs: number;
}

/** A way to prove who asks. */
export interface Authorization {
  /** All headers of the request. */
  headers(call: UnsignedCall): Promise<Readonly<Record<string, string>>>;
  /**
   * Called when the server refused a request with these headers by 401, 403 or 419. `true`: there
   * is something else to send now.
   */
  renew(refused: Readonly<Record<string, string>>, status: number): Promise<boolean>;
}

/** No proof. */
export const noAuthorization: Authorization = {
  headers: (call) => Promise.resolve(call.headers),
  renew: () => Promise.resolve(false),
};

/** A place that tokens come from. */
export interface TokenSource {
  /** The token to send now. */
  current(): Promise<string>;
  /** Another one than that which was refused; the same when there is no other. */
  renewed(refused: string): Promise<string>;
}

/** A bearer token (RFC 6750) with each request. */
export function bearerAuthorization(tokens: TokenSource): Authorization {
  const spelled = (token: string): string => `Bearer ${token}`;
  return {
    async headers(call) {
      return { ...call.headers, authorization: spelled(await tokens.current()) };
    },
    async renew(refused, status) {
      // 403: the token was understood, and what it may do does not suffice.
      if (status === 403) return false;
      const sent = (refused['authorization'] ?? '').slice(spelled('').length);
      return (await tokens.renewed(sent)) !== sent;
    },
  };
}

/** A token that is kept somewhere, and read again when it is refused. */
export function keptToken(read: () => Promise<string>): TokenSource {
  let token: Promise<string> | null = null;
  const current = (): Promise<string> => {
    token ??= read().catch((error: unknown) => {
      token = null;
      throw error;
    });
    return token;
  };
  return {
    current,
    async renewed(refused) {
      if ((await current()) === refused) token = null;
      return current();
    },
  };
}

/** What signing needs. */
export interface SigningOptions {
  readonly region: string;
  /** Name of the service in the signature, such as `glue`. */
  readonly service: string;
  readonly credentials: () => Promise<SigningKeys>;
}

/** A Signature Version 4 of AWS on each request. */
export function signatureAuthorization(options: SigningOptions): Authorization {
  const { region, service } = options;
  let keys: Promise<SigningKeys> | null = null;
  const current = (): Promise<SigningKeys> => {
    keys ??= options.credentials().catch((error: unknown) => {
      keys = null;
      throw error;
    });
    return keys;
  };
  return {
    async headers({ body, nowMs, ...call }) {
      const credentials = await current();
      const unsigned = { ...call, bodySha256: sha256Hex(body ?? '') };
      return signedHeaders(unsigned, { credentials, region, service, nowMs });
    },
    async renew() {
      const before = await current();
      keys = null;
      const now = await current();
      return (
        now.accessKeyId !== before.accessKeyId ||
        now.secretAccessKey !== before.secretAccessKey ||
        now.sessionToken !== before.sessionToken
      );
    },
  };
}
