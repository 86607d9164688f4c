/**
 * What a client is told when its request fails: a status and an error type of the Iceberg REST
 * specification (`ErrorModel`), on which clients act. A 409 to a commit says that nothing was
 * changed and that it may be tried again on the new state; a 5xx to a commit says that nobody
 * knows. So a commit that certainly changed nothing is never answered with 5xx where a 4xx can say
 * it.
 */
import type { ErrorCode } from '../kernel/error-registry.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { jsonAnswer } from './rest-answer.ts';
import type { RestAnswer } from './rest-answer.ts';

/** Error types that clients know by name. */
export type RestErrorType =
  | 'AlreadyExistsException'
  | 'BadRequestException'
  | 'CommitFailedException'
  | 'CommitStateUnknownException'
  | 'ForbiddenException'
  | 'NamespaceNotEmptyException'
  | 'NoSuchNamespaceException'
  | 'NoSuchTableException'
  | 'NotAuthorizedException'
  | 'NotFoundException'
  | 'ServiceUnavailableException'
  | 'UnprocessableEntityException'
  | 'UnsupportedOperationException'
  | 'InternalServerError';

/** A request that is answered with an error. Thrown by handlers, never past the server. */
export class RestRefusal extends Error {
  override readonly name = 'RestRefusal';
  readonly status: number;
  readonly type: RestErrorType;

  constructor(status: number, type: RestErrorType, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** A request that can never be right as it stands. */
export function badRequest(message: string): RestRefusal {
  return new RestRefusal(400, 'BadRequestException', message);
}

type Verdict = readonly [status: number, type: RestErrorType];

const BAD: Verdict = [400, 'BadRequestException'];

const verdicts: Partial<Record<ErrorCode, Verdict>> = {
  'CATALOG-BUSY': [503, 'ServiceUnavailableException'],
  'CATALOG-METADATA-MISSING': [404, 'NotFoundException'],
  'CATALOG-NAMESPACE-MISSING': [404, 'NoSuchNamespaceException'],
  'CATALOG-TABLE-EXISTS': [409, 'AlreadyExistsException'],
  'ICEBERG-FORMAT-UNSUPPORTED': BAD,
  'ICEBERG-SCHEMA-INVALID': BAD,
  'ICEBERG-SPEC-INVALID': BAD,
  'ICEBERG-TRANSFORM-UNSUPPORTED': BAD,
  'ICEBERG-TYPE-UNSUPPORTED': BAD,
  'ICEBERG-UPDATE-INVALID': BAD,
  'STORAGE-NOT-FOUND': [404, 'NotFoundException'],
  'STORAGE-OUTSIDE-WAREHOUSE': BAD,
};

/** The answer to a request that failed with `error`. */
export function errorAnswer(error: unknown): RestAnswer {
  if (error instanceof RestRefusal) return refusalAnswer(error);
  if (!(error instanceof FirnError)) {
    return refusalAnswer(new RestRefusal(500, 'InternalServerError', 'the server failed'));
  }
  const [status, type] = verdicts[error.code] ?? [500, 'InternalServerError'];
  if (error.code === 'CATALOG-METADATA-MISSING') {
    // In the words that clients of the reference implementation know.
    const message = `Failed to open input stream for file: ${error.where ?? ''}`;
    return refusalAnswer(new RestRefusal(status, type, message));
  }
  // Paths of this machine are nobody's business who only sent a request.
  const place = status < 500 && error.where !== null ? ` (${error.where})` : '';
  return refusalAnswer(new RestRefusal(status, type, `${error.code}: ${error.what}${place}`));
}

function refusalAnswer({ status, type, message }: RestRefusal): RestAnswer {
  return jsonAnswer({ error: { message, type, code: status } }, status);
}

/**
 * Runs `read`, which takes a request apart: whatever it finds wrong is the client's mistake.
 *
 * @throws {RestRefusal} 400
 */
export function readRequest<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
    throw badRequest(`${error.what} (${error.where ?? 'request'})`);
  }
}
