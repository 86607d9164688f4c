/**
 * Commits over REST, to one table or to several at once. The answer says exactly what is known: 200
 * or 204 for done, 409 for nothing changed, 500 for unknown (Iceberg REST specification, "Commit
 * updates to a table"). A commit that failed before its pointer moved is a 409 or a 400, never a
 * 5xx, wherever that is certain.
 */
import { jsonFields } from '../iceberg/json-fields.ts';
import { findSnapshot } from '../iceberg/snapshot.ts';
import { locationsInUpdates } from '../iceberg/updates/referenced-locations.ts';
import { tableRequirementFromJson } from '../iceberg/updates/table-requirement-json.ts';
import { tableUpdateFromJson } from '../iceberg/updates/table-update-json.ts';
import { unreachable } from '../kernel/assert.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import type { CommitOutcome, LoadedTable, TableCommit, TableIdentifier } from '../ports/catalog.ts';
import { noSuchNamespace } from './namespace-handlers.ts';
import { spelledTable, tableInBody, tableInPath } from './request-names.ts';
import { NO_CONTENT } from './rest-answer.ts';
import type { RestHandler } from './rest-answer.ts';
import { RestRefusal, badRequest, readRequest } from './rest-error.ts';
import type { ServerParts } from './server-parts.ts';
import { committedAnswer } from './table-answer.ts';
import { noSuchTable } from './table-handlers.ts';

/** Tables of one transaction at most. */
const TABLES_MAX = 1000;

/** Handlers of commits. */
export interface CommitHandlers {
  readonly commitTable: RestHandler;
  readonly commitTransaction: RestHandler;
}

/** The handlers over a catalog. */
export function commitHandlers(parts: ServerParts): CommitHandlers {
  return {
    async commitTable({ path, body }) {
      const identifier = tableInPath(path);
      const commit = readRequest(() => commitFromJson(body, identifier, 'request'));
      const [table] = await commitAll(parts, [commit]);
      if (table === undefined) throw unknownState();
      return committedAnswer(parts.catalog, table);
    },
    async commitTransaction({ body }) {
      const commits = readRequest(() => {
        const changes = jsonFields(body, 'request').list('table-changes');
        return changes.map((change, index) => {
          const where = `request.table-changes[${index}]`;
          const fields = jsonFields(change, where);
          const identifier = tableInBody(fields.value('identifier'), `${where}.identifier`);
          return commitFromJson(change, identifier, where);
        });
      });
      if (commits.length > TABLES_MAX) throw badRequest(`more than ${TABLES_MAX} tables at once`);
      const names = new Set(commits.map(({ identifier }) => queueName(identifier)));
      if (names.size < commits.length) throw badRequest('a table is changed twice');
      if (commits.length > 0) await commitAll(parts, commits);
      return NO_CONTENT;
    },
  };
}

function commitFromJson(json: JsonValue, identifier: TableIdentifier, where: string): TableCommit {
  const fields = jsonFields(json, where);
  const named = fields.value('identifier');
  if (named !== null && queueName(tableInBody(named, where)) !== queueName(identifier)) {
    throw badRequest('the body names another table than the path');
  }
  return {
    identifier,
    requirements: fields
      .list('requirements')
      .map((item, index) => tableRequirementFromJson(item, `${where}.requirements[${index}]`)),
    updates: fields
      .list('updates')
      .map((item, index) => tableUpdateFromJson(item, `${where}.updates[${index}]`)),
  };
}

function queueName({ namespace, name }: TableIdentifier): string {
  return JSON.stringify([namespace, name]);
}

async function commitAll(
  parts: ServerParts,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
  const { catalog, queues } = parts;
  for (const { updates } of commits) catalog.checkLocations(locationsInUpdates(updates));
  const names = commits.map(({ identifier }) => queueName(identifier));
  const outcome = await queues.turn(names, () => attempt(parts, commits));
  switch (outcome.kind) {
    case 'committed':
      return outcome.tables;
    case 'unknown':
      throw unknownState();
    case 'conflict': {
      const made = await tablesWith(parts, commits);
      if (made !== null) return made;
      throw await refusalOf(parts, commits, outcome);
    }
    default:
      return unreachable(outcome);
  }
}

async function attempt(
  { catalog }: ServerParts,
  commits: readonly TableCommit[],
): Promise<CommitOutcome> {
  try {
    return await catalog.commit(commits);
  } catch (error) {
    if (isFirnError(error, 'CATALOG-NAMESPACE-MISSING')) {
      throw noSuchNamespace(error.where ?? '');
    }
    // Thrown before any pointer moved: the client may try again, which a 503 would forbid.
    if (isFirnError(error, 'CATALOG-BUSY')) {
      throw new RestRefusal(409, 'CommitFailedException', `${error.code}: ${error.what}`);
    }
    throw error;
  }
}

/**
 * The tables, when they hold every snapshot of these commits already: then a client sends again
 * what was done, because it never had the answer, perhaps of a server before this one. To be told
 * of a conflict it would take for a reason to add the same files once more. A snapshot is the same
 * only with the same id, number and manifest list. `null`: something is not there.
 */
async function tablesWith(
  { catalog }: ServerParts,
  commits: readonly TableCommit[],
): Promise<readonly LoadedTable[] | null> {
  const tables: LoadedTable[] = [];
  for (const { identifier, updates } of commits) {
    const added = updates.filter((update) => update.kind === 'add-snapshot');
    const table = added.length === 0 ? null : await catalog.loadTable(identifier);
    if (table === null) return null;
    const isThere = added.every(({ snapshot }) => {
      const found = findSnapshot(table.metadata, snapshot.snapshotId);
      return (
        found?.manifestList === snapshot.manifestList &&
        found.sequenceNumber === snapshot.sequenceNumber
      );
    });
    if (!isThere) return null;
    tables.push(table);
  }
  return tables;
}

function unknownState(): RestRefusal {
  const message = 'the catalog did not say whether the commit was made: read the table';
  return new RestRefusal(500, 'CommitStateUnknownException', message);
}

async function refusalOf(
  { catalog }: ServerParts,
  commits: readonly TableCommit[],
  { identifier, reason }: Extract<CommitOutcome, { readonly kind: 'conflict' }>,
): Promise<RestRefusal> {
  const commit = commits.find((item) => queueName(item.identifier) === queueName(identifier));
  const makes = commit?.requirements.some(({ kind }) => kind === 'assert-create') === true;
  if (!makes && (await catalog.loadTable(identifier)) === null) return noSuchTable(identifier);
  const message = `Requirement failed: ${reason} (table ${spelledTable(identifier)})`;
  return new RestRefusal(409, 'CommitFailedException', message);
}
