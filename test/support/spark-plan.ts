/**
 * The plan that Spark makes of a statement, as text: what `EXPLAIN` answers, in a session in which
 * other statements were run before. The client of the product asks for rows only.
 */
import { arrowTexts } from '../../src/engines/cluster/spark/arrow-texts.ts';
import { GrpcChannel } from '../../src/engines/cluster/spark/grpc-channel.ts';
import { decodeMessage } from '../../src/engines/cluster/spark/protobuf.ts';
import {
  configRequest,
  executeRequest,
  executeResponse,
} from '../../src/engines/cluster/spark/spark-messages.ts';
import type { SparkPlan } from '../../src/engines/cluster/spark/spark-messages.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { systemRandom } from '../../src/kernel/random.ts';

/** Explains the last of `statements`, after the others were run. */
export async function explain(
  address: string,
  settings: readonly (readonly [key: string, value: string])[],
  statements: readonly string[],
): Promise<string> {
  const clock = systemClock;
  const target = { address, isSecure: false, authority: null, token: null, clock };
  const channel = new GrpcChannel(target);
  const session = { sessionId: uuidV7(clock, systemRandom), serverSideId: null };
  const call = async (method: string, request: Uint8Array): Promise<readonly string[]> => {
    const texts: string[] = [];
    const path = `/spark.connect.SparkConnectService/${method}`;
    for await (const bytes of channel.call(path, request, { idleMs: 120_000 })) {
      const { rows } = executeResponse(present(decodeMessage(bytes), 'a message'));
      if (rows !== null) texts.push(...(arrowTexts(rows) ?? []));
    }
    return texts;
  };
  const run = (plan: SparkPlan): Promise<readonly string[]> =>
    call('ExecutePlan', executeRequest(session, uuidV7(clock, systemRandom), plan));
  try {
    await call('Config', configRequest(session, settings));
    for (const sql of statements.slice(0, -1)) await run({ kind: 'command', sql });
    const plan = await run({ kind: 'query', sql: `EXPLAIN ${statements.at(-1) ?? ''}` });
    return plan.join('\n');
  } finally {
    channel.close();
  }
}
