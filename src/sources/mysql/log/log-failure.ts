/** What a server says instead of its log, as codes of Firn. */
import { FirnError } from '../../../kernel/firn-error.ts';
import type { LogEvent } from '../../../binlog/log-event.ts';
import { connectionError } from '../connection-failure.ts';

/** `ER_SOURCE_FATAL_ERROR_READING_BINLOG`: its meaning is in its words, on both servers. */
export const FATAL_READING = 1236;

const DUPLICATE = /same server_uuid|same server_id|server_uuid\/server_id/i;
const GONE = new RegExp(
  [
    'could not find first log file',
    'purged',
    'requested .* (?:beyond|impossible)',
    'impossible position',
    "not in the (?:master|primary)'?s? binlog",
  ].join('|'),
  'i',
);

/** An error packet of the server in the middle of the log as a coded error. */
export function logEventError(
  event: Extract<LogEvent, { kind: 'server-error' }>,
  where: string,
): FirnError {
  const { errorCode, message } = event;
  if (errorCode === FATAL_READING && DUPLICATE.test(message)) {
    return new FirnError('SOURCE-DUPLICATE-READER', {
      what: `The server ended the reading: another reader came with the same id. It says: ${message}`,
      where,
    });
  }
  if (errorCode === FATAL_READING && GONE.test(message)) {
    return new FirnError('SOURCE-POSITION-BROKEN', {
      what: `The server cannot read its log on from there. It says: ${message}`,
      where,
    });
  }
  return connectionError(Object.assign(new Error(message), { errno: errorCode }), where);
}
