/**
 * Commits to a REST catalog and what came of them (Iceberg REST specification, "Commit updates to a
 * table"; docs/spec/catalog-client.md K1). 409 is the only refusal that means a conflict. A 5xx, a
 * 429, a cut connection, silence and an answer that cannot be read leave open what was done: also a
 * 503, which a proxy sends when it lost a server that had the commit already. A commit is never
 * sent again here: who reads the table first decides that.
 */
import { checkRequirements } from '../../iceberg/table-requirement.ts';
import { tableRequirementToJson, tableUpdateToJson } from '../../iceberg/updates/commit-json.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type {
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from '../../ports/catalog.ts';
import type { CommitKeys } from './commit-keys.ts';
import { levelsOf, spelledTable, tablePath } from './rest-address.ts';
import type { Answered, Sent } from './rest-client.ts';
import { answerError, isMissing, mayPass, problemOf } from './rest-failure.ts';
import { TABLE_BYTES_MAX, isGone, loadTable, tableInAnswer } from './rest-tables.ts';
import type { ReadingParts } from './rest-tables.ts';

/** What committing needs. */
export interface CommitParts extends ReadingParts {
  /** `null`: the server takes none. */
  readonly keys: CommitKeys | null;
}

/** Why a commit to a table that is not there is a conflict. */
const TABLE_GONE = 'the table is gone';

/** Commits to one table. */
export async function commitOne(parts: CommitParts, commit: TableCommit): Promise<CommitOutcome> {
  const { identifier } = commit;
  const where = spelledTable(identifier);
  const path = tablePath(parts.paths, identifier);
  const sent = await post(parts, { path, body: changeToJson(commit), where });
  const refused = outcomeOfRefusal(sent, commit);
  if (refused !== null) return refused;
  if (sent.kind === 'unanswered') return unknown(sent.cause);
  try {
    const table = tableInAnswer(sent.answer, identifier);
    parts.seen.note(table);
    return { kind: 'committed', tables: [table] };
  } catch (error) {
    // The server said that it is done; its answer does not show it.
    if (error instanceof FirnError) return unknown(error);
    throw error;
  }
}

/** Commits to several tables at once, all or none. */
export async function commitAll(
  parts: CommitParts,
  commits: readonly TableCommit[],
): Promise<CommitOutcome> {
  const path = `${parts.paths.root}/transactions/commit`;
  const where = commits.map(({ identifier }) => spelledTable(identifier)).join(' ');
  const body = { 'table-changes': commits.map(changeToJson) };
  const sent = await post(parts, { path, body, where });
  const refused = outcomeOfRefusal(sent, null);
  if (refused?.kind === 'conflict') return broken(parts, commits, refused.reason);
  if (refused !== null) return refused;
  try {
    const tables: LoadedTable[] = [];
    for (const { identifier } of commits) {
      const table = await loadTable(parts, identifier);
      if (table === null) return unknown(new Error(TABLE_GONE));
      tables.push(table);
    }
    return { kind: 'committed', tables };
  } catch (error) {
    // Committed, but not to be seen: whoever resolves it reads the tables.
    if (error instanceof FirnError) return unknown(error);
    throw error;
  }
}

interface Posted {
  readonly path: string;
  readonly body: JsonObject;
  readonly where: string;
}

async function post({ client, keys }: CommitParts, { path, body, where }: Posted): Promise<Sent> {
  const keyed = keys?.keyed(path, body) ?? null;
  const headers = keyed === null ? {} : { 'idempotency-key': keyed.key };
  const bytesMax = TABLE_BYTES_MAX;
  const sent = await client.send({ method: 'POST', path, body, headers, bytesMax, where });
  if (sent.kind === 'answered' && !mayPass(sent.answer.status)) keyed?.settled();
  return sent;
}

/** A commit as it is sent: `CommitTableRequest`. */
function changeToJson({ identifier, requirements, updates }: TableCommit): JsonObject {
  return {
    identifier: { namespace: levelsOf(identifier.namespace), name: identifier.name },
    requirements: requirements.map(tableRequirementToJson),
    updates: updates.map(tableUpdateToJson),
  };
}

function unknown(cause: unknown): CommitOutcome {
  return { kind: 'unknown', cause };
}

/**
 * The outcome of a commit that was not answered with success; `null` for success. A refusal for
 * good is thrown.
 *
 * @param commit the only one; `null` for several, whose conflict names none yet
 */
function outcomeOfRefusal(sent: Sent, commit: TableCommit | null): CommitOutcome | null {
  if (sent.kind === 'unanswered') return unknown(sent.cause);
  const { answer } = sent;
  if (answer.status === 200 || answer.status === 204) return null;
  if (mayPass(answer.status)) return unknown(answerError(answer, sent));
  const identifier: TableIdentifier = commit?.identifier ?? { namespace: '', name: '' };
  if (answer.status === 409) {
    return { kind: 'conflict', identifier, reason: reasonOf(sent) };
  }
  const makes = commit?.requirements.some(({ kind }) => kind === 'assert-create') === true;
  if (isGone(sent) && !makes) return { kind: 'conflict', identifier, reason: TABLE_GONE };
  if (makes && answer.status === 404 && isMissing(problemOf(answer, sent.headers), 'namespace')) {
    const what = 'no such namespace';
    throw new FirnError('CATALOG-NAMESPACE-MISSING', { what, where: sent.where });
  }
  throw answerError(answer, sent);
}

function reasonOf({ answer, headers }: Answered): string {
  const { type, message } = problemOf(answer, headers);
  return message === '' ? `the catalog answered 409 ${type}`.trim() : message;
}

/** The conflict of a commit over several tables, with the table whose requirement failed. */
async function broken(
  parts: CommitParts,
  commits: readonly TableCommit[],
  reason: string,
): Promise<CommitOutcome> {
  for (const { identifier, requirements } of commits) {
    const table = await loadTable(parts, identifier);
    const makes = requirements.some(({ kind }) => kind === 'assert-create');
    if (table === null && !makes) return { kind: 'conflict', identifier, reason: TABLE_GONE };
    const failed = checkRequirements(table?.metadata ?? null, requirements);
    if (failed !== null) return { kind: 'conflict', identifier, reason: failed };
  }
  // What was broken holds again by now, or is no requirement.
  const identifier = commits[0]?.identifier ?? { namespace: '', name: '' };
  return { kind: 'conflict', identifier, reason };
}
