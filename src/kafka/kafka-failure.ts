/**
 * Failures of Kafka and of its client package as coded errors. Only names and numbers of Kafka's
 * own errors are told: a broker's words may quote what it was sent.
 */
import { AuthenticationError, protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';

/** Kafka's numbers of errors that have a meaning of their own here (Kafka protocol guide). */
export const KAFKA_CODE = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  topicExists: 36,
  duplicateSequence: 46,
  unknownTopicId: 100,
} as const;

const CODES: Readonly<Record<number, ErrorCode>> = {
  [KAFKA_CODE.unknownTopic]: 'KAFKA-TOPIC-MISSING',
  [KAFKA_CODE.unknownTopicId]: 'KAFKA-TOPIC-MISSING',
  103: 'KAFKA-TOPIC-MISSING', // inconsistent topic id
  29: 'KAFKA-DENIED', // topic
  30: 'KAFKA-DENIED', // group
  31: 'KAFKA-DENIED', // cluster
  53: 'KAFKA-DENIED', // transactional id
  33: 'KAFKA-LOGIN', // mechanism not supported
  34: 'KAFKA-LOGIN', // login in the wrong state
  58: 'KAFKA-LOGIN', // login refused
};

/** What OpenSSL and Node say where no trusted connection came about. */
const UNTRUSTED = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** An error number of a broker as a coded error. */
export function brokerError(code: number, what: string, where: string): FirnError {
  const known = protocolErrors[protocolErrorsCodesById[code] ?? ''];
  const isPassing = known?.canRetry === true;
  return new FirnError(CODES[code] ?? (isPassing ? 'KAFKA-UNREACHABLE' : 'KAFKA-REFUSED'), {
    what: `${what}: Kafka says ${known?.id ?? `error ${code}`}`,
    where,
  });
}

/** Throws where a broker answered with an error number. */
export function throwUnlessOk(code: number, what: string, where: string): void {
  if (code !== 0) throw brokerError(code, what, where);
}

/** A failure of a connection or of the client package; coded ones as they are. */
export function connectionError(error: unknown, where: string): FirnError {
  if (isFirnError(error)) return error;
  const causes = causesOf(error);
  const detail = { where, cause: error };
  if (causes.some((cause) => cause instanceof AuthenticationError)) {
    return new FirnError('KAFKA-LOGIN', { what: 'Kafka refused the login', ...detail });
  }
  const words = causes.flatMap((cause) => nodeCode(cause) ?? []);
  const untrusted = words.find((word) => UNTRUSTED.test(word));
  if (untrusted !== undefined) {
    const what = `No trusted connection to the broker came about (${untrusted})`;
    return new FirnError('KAFKA-LOGIN', { what, ...detail });
  }
  if (error instanceof TypeError || error instanceof RangeError) {
    const what = 'The broker gave an answer that cannot be read';
    return new FirnError('KAFKA-ANSWER', { what, ...detail });
  }
  const [word] = words;
  const what = `The broker cannot be reached or does not answer${word === undefined ? '' : ` (${word})`}`;
  return new FirnError('KAFKA-UNREACHABLE', { what, ...detail });
}

/** Depth up to which causes are looked at. */
const CAUSES_MAX = 16;

/** An error and what is behind it, the innermost first. */
function causesOf(error: unknown): readonly Error[] {
  const found: Error[] = [];
  const waiting: unknown[] = [error];
  while (waiting.length > 0 && found.length < CAUSES_MAX) {
    const next = waiting.shift();
    if (!(next instanceof Error)) continue;
    found.push(next);
    waiting.push(next.cause);
    if (next instanceof AggregateError) waiting.push(...(next.errors as readonly unknown[]));
  }
  return found.toReversed();
}

/** Node's name of an error: `ECONNREFUSED`. */
function nodeCode(error: Error): string | null {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' && !code.startsWith('PLT_') ? code : null;
}
