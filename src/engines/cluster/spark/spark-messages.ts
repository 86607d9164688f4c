/**
 * Messages of Spark Connect's protocol (Spark 4.0, `spark/connect/base.proto`), those that Firn
 * sends and reads. Numbers are the protocol's.
 */
import { bytesField, encodeMessage, messageField, textField } from './protobuf.ts';
import type { ProtoField, ProtoMessage } from './protobuf.ts';

/** Who asks: part of every request. */
export interface SessionIdentity {
  /** A UUID that this client made. */
  readonly sessionId: string;
  /** Id that the server gave it in its first answer: another one is another session. */
  readonly serverSideId: string | null;
}

/** What is to be run: a statement for its effect, or a query for its rows. */
export type SparkPlan =
  | { readonly kind: 'command'; readonly sql: string }
  | { readonly kind: 'query'; readonly sql: string };

const CLIENT = 'firn';

function identity(session: SessionIdentity, serverSideField: number): readonly ProtoField[] {
  return [
    [1, session.sessionId],
    [2, [[1, CLIENT]]],
    [serverSideField, session.serverSideId],
  ];
}

/** `ExecutePlanRequest`, of an operation that can be taken up again after a cut. */
export function executeRequest(
  session: SessionIdentity,
  operationId: string,
  plan: SparkPlan,
): Uint8Array {
  const relation: readonly ProtoField[] = [[10, [[1, plan.sql]]]];
  const root: ProtoField = plan.kind === 'query' ? [1, relation] : [2, [[5, [[6, relation]]]]];
  return encodeMessage([
    ...identity(session, 8),
    [3, [root]],
    [4, CLIENT],
    [5, [[1, [[1, true]]]]],
    [6, operationId],
  ]);
}

/** `ReattachExecuteRequest`: what came after `lastResponseId`, or everything. */
export function reattachRequest(
  session: SessionIdentity,
  operationId: string,
  lastResponseId: string | null,
): Uint8Array {
  return encodeMessage([
    ...identity(session, 6),
    [3, operationId],
    [4, CLIENT],
    [5, lastResponseId],
  ]);
}

/** `ReleaseExecuteRequest`: the server may forget the operation and its results. */
export function releaseRequest(session: SessionIdentity, operationId: string): Uint8Array {
  return encodeMessage([...identity(session, 7), [3, operationId], [4, CLIENT], [5, []]]);
}

/** `InterruptRequest` of one operation. */
export function interruptRequest(session: SessionIdentity, operationId: string): Uint8Array {
  return encodeMessage([...identity(session, 7), [3, CLIENT], [4, 3n], [6, operationId]]);
}

/** `ReleaseSessionRequest`: the session ends with its settings and views. */
export function releaseSessionRequest(session: SessionIdentity): Uint8Array {
  return encodeMessage([
    [1, session.sessionId],
    [2, [[1, CLIENT]]],
    [3, CLIENT],
  ]);
}

/** `ConfigRequest` that sets keys, in order. */
export function configRequest(
  session: SessionIdentity,
  pairs: readonly (readonly [key: string, value: string])[],
): Uint8Array {
  const set = pairs.map(([key, value]): ProtoField => {
    return [
      1,
      [
        [1, key],
        [2, value],
      ],
    ];
  });
  return encodeMessage([...identity(session, 8), [3, [[1, set]]], [4, CLIENT]]);
}

/** `ConfigRequest` that takes keys away. */
export function unsetRequest(session: SessionIdentity, keys: readonly string[]): Uint8Array {
  const unset = keys.map((key): ProtoField => [1, key]);
  return encodeMessage([...identity(session, 8), [3, [[6, unset]]], [4, CLIENT]]);
}

/** `AnalyzePlanRequest` that asks for the version. */
export function versionRequest(session: SessionIdentity): Uint8Array {
  return encodeMessage([...identity(session, 17), [3, CLIENT], [10, []]]);
}

/** The version in an `AnalyzePlanResponse`. */
export function versionOf(response: ProtoMessage): string {
  const found = messageField(response, 8);
  return found === null ? '' : textField(found, 1);
}

/** One `ExecutePlanResponse`. */
export interface ExecuteResponse {
  readonly serverSideId: string;
  readonly responseId: string;
  /** Arrow IPC stream; `null`: no rows are in this one. */
  readonly rows: Uint8Array | null;
  readonly isComplete: boolean;
}

/** Reads an `ExecutePlanResponse`. */
export function executeResponse(response: ProtoMessage): ExecuteResponse {
  const batch = messageField(response, 2);
  return {
    serverSideId: textField(response, 15),
    responseId: textField(response, 13),
    rows: batch === null ? null : bytesField(batch, 2),
    isComplete: response.has(14),
  };
}

/** Id that the server gave the session, in the answers that have it in their field 15. */
export function serverSideIdOf(response: ProtoMessage): string {
  return textField(response, 15);
}
