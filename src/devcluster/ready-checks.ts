/** Whether a server answers as its clients need it: one short question each, with a deadline. */
import { createConnection } from 'node:net';
import { createJsonService } from '../engines/cluster/json-service.ts';
import { SparkSession } from '../engines/cluster/spark/spark-session.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';

/** What asking needs. */
export interface Asking {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

const ANSWER_MS = 3000;
/** Spark loads classes for its first session. */
const SPARK_MS = 20_000;

/** Whether a GET is answered with success. */
export async function answersHttp(asking: Asking, url: string, path: string): Promise<boolean> {
  const retryPolicy = { attemptsMax: 1, pauseMs: 0, pauseMsMax: 0 };
  const service = createJsonService({ ...asking, name: 'server', url, retryPolicy });
  try {
    await service.call({ method: 'GET', path, isRepeatable: true, deadlineMs: ANSWER_MS });
    return true;
  } catch (error) {
    // Not ready, or not what it should be: the caller waits, and gives up in time.
    if (error instanceof FirnError) return false;
    throw error;
  } finally {
    service.close();
  }
}

/** Whether something answers HTTP at all, refusals included. */
export async function speaksHttp(asking: Asking, url: string): Promise<boolean> {
  const retryPolicy = { attemptsMax: 1, pauseMs: 0, pauseMsMax: 0 };
  const service = createJsonService({ ...asking, name: 'server', url, retryPolicy });
  try {
    const expected = [400, 401, 403, 404];
    const bounds = { isRepeatable: true, deadlineMs: ANSWER_MS, expected };
    await service.call({ method: 'GET', path: '/', ...bounds });
    return true;
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
    // It has answered, though not with JSON.
    return error.code === 'CLUSTER-ANSWER';
  } finally {
    service.close();
  }
}

/** The question for the versions that a broker speaks (Kafka protocol, ApiVersions v0). */
function versionsQuestion(): Uint8Array {
  const question = Buffer.alloc(14);
  question.writeInt32BE(10, 0);
  question.writeInt16BE(18, 4);
  question.writeInt16BE(0, 6);
  question.writeInt32BE(1, 8);
  // No client id.
  question.writeInt16BE(-1, 12);
  return question;
}

/** Whether a broker answers: its port is open long before that. */
export async function answersKafka({ clock }: Asking, port: number): Promise<boolean> {
  const socket = createConnection({ host: '127.0.0.1', port });
  const late = new AbortController();
  const answered = new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    // The answer: its length, the number of the question, no error.
    socket.once('data', (data: Buffer) => {
      resolve(data.length >= 10 && data.readInt32BE(4) === 1 && data.readInt16BE(8) === 0);
    });
    socket.once('connect', () => socket.write(versionsQuestion()));
  });
  const given = clock.sleep(ANSWER_MS, late.signal).then(() => false);
  try {
    return await Promise.race([answered, given]);
  } finally {
    late.abort();
    socket.destroy();
  }
}

/** Whether Spark makes a session and says its version. */
export async function answersSpark(asking: Asking, address: string): Promise<boolean> {
  const bounds = { isSecure: false, authority: null, token: null, statementMs: SPARK_MS };
  const session = new SparkSession({ ...asking, address, ...bounds });
  try {
    return (await session.version()) !== '';
  } catch (error) {
    // As above.
    if (error instanceof FirnError) return false;
    throw error;
  } finally {
    await session.close();
  }
}
