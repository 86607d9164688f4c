/**
 * The log: one JSON line per record on stderr, only when `--log-level` asks for it. What a person
 * needs to know is said by the commands themselves.
 */
import type { Redactor } from './redact.ts';

/** Levels of `--log-level`, least first; `silent` is the default. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether `text` names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

/** Takes records; fields hold no row values. */
export interface Log {
  readonly level: LogLevel;
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

const nothing = (): void => {};

/** A log at `level`; the logging library is loaded only when something is logged. */
export async function createLog(
  level: LogLevel,
  sink: { readonly write: (line: string) => unknown; readonly redact: Redactor },
): Promise<Log> {
  if (level === 'silent') {
    return { level, error: nothing, warn: nothing, info: nothing, debug: nothing };
  }
  const { pino } = await import('pino');
  const { write, redact } = sink;
  const logger = pino(
    // Neither host name nor process id: they are the same on every line.
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => write(redact(line)) },
  );
  return {
    level,
    error: (fields, message) => logger.error(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    info: (fields, message) => logger.info(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
  };
}
