/** What `check` says of a SQLite database: reads only, and names the statement that helps. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable, tablesNamed } from '../../config/table-choice.ts';
import { unreachable } from '../../kernel/assert.ts';
import { ERROR_REGISTRY } from '../../kernel/error-registry.ts';
import type { TableName } from '../../model/table-schema.ts';
import type { Finding } from '../../ports/source.ts';
import { foreignTriggers } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { findDrift } from './drift.ts';
import type { Drift } from './drift.ts';
import { readMeta, readPlans } from './journal.ts';
import { sameName } from './sql-text.ts';
import { query } from './sqlite-database.ts';
import { capturableTables, readShape, readTriggers } from './table-shape.ts';
import type { TableShape } from './table-shape.ts';
import { plannedTriggers } from './triggers.ts';

/** What is checked. */
export interface CheckRequest {
  readonly path: string;
  readonly tables: readonly TableRule[];
  readonly namespace: string;
}

/** Everything there is to say, in the order in which one would mend it. */
export function checkDatabase(db: DatabaseSync, request: CheckRequest): Finding[] {
  const meta = readMeta(db);
  const names = capturableTables(db).filter((name) => chooseTable(request.tables, name) !== null);
  const triggers = readTriggers(db);
  const plans = meta === null ? [] : readPlans(db);
  const verified = meta === null ? [] : findDrift(db, driftRequest(request, names));
  const findings: Finding[] = [
    ...accessFindings(request.path),
    ...modeFindings(db),
    ...ownerFindings(meta?.pipeline ?? null, request.namespace),
    ...tablesNamed(request.tables).flatMap((name) => missingFindings(db, { name, names, request })),
  ];
  let nextId = Math.max(0, ...plans.map(({ id }) => id));
  for (const name of names) {
    const table = { namespace: request.namespace, table: name };
    const shape = readShape(db, name, triggers);
    const inForce = plans.find(({ plan, until }) => until === null && sameName(plan.table, name));
    const drift =
      meta === null
        ? findDrift(db, { ...driftRequest(request, [name]), plans: [] })[0]
        : verified.find((one) => driftTable(one) === name);
    const plan = drift !== undefined && 'plan' in drift ? drift.plan : (inForce?.plan ?? null);
    findings.push(...captureFindings({ table, drift, nextId: ++nextId }));
    if (plan !== null) findings.push(...keyFindings(table, plan));
    if (shape !== null) findings.push(...triggerFindings(table, shape));
  }
  return [...findings, ...dropColumnFindings(names.length)];
}

function driftRequest(
  request: CheckRequest,
  names: readonly string[],
): Parameters<typeof findDrift>[1] {
  return { rules: request.tables, tables: names, verifiedId: 0 };
}

function driftTable(drift: Drift): string {
  switch (drift.kind) {
    case 'install':
      return drift.plan.table;
    case 'refuse':
      return drift.table;
    case 'continue':
    case 'restart':
    case 'end':
      return drift.stored.plan.table;
    default:
      return unreachable(drift);
  }
}

function accessFindings(path: string): Finding[] {
  try {
    accessSync(path, constants.W_OK);
    accessSync(dirname(path), constants.W_OK);
    return [];
  } catch {
    // Which of the two it is does not matter to the remedy.
    const message = 'The database file or its folder cannot be written by this user.';
    const fix = `chmod u+w the file ${path} and its folder`;
    return [{ severity: 'error', code: 'SOURCE-READ-ONLY', table: null, message, fix }];
  }
}

function modeFindings(db: DatabaseSync): Finding[] {
  const mode = String(query(db, 'PRAGMA journal_mode')[0]?.[0] ?? '');
  if (mode === 'wal') {
    const message = 'The database is in WAL mode: the application writes while Firn reads.';
    return [{ severity: 'ok', code: 'journal-mode', table: null, message, fix: null }];
  }
  return [
    {
      severity: 'warning',
      code: 'journal-mode',
      table: null,
      message:
        `The database is in ${mode} mode. \`firn run\` switches it to WAL, which stays in the ` +
        'file; `firn uninstall` switches it back.',
      fix: 'PRAGMA journal_mode = WAL;',
    },
  ];
}

function ownerFindings(pipeline: string | null, namespace: string): Finding[] {
  if (pipeline === null || pipeline === namespace) return [];
  const message = `The database feeds the pipeline ${pipeline} already.`;
  const fix = `firn uninstall with the file of the pipeline ${pipeline}`;
  return [{ severity: 'error', code: 'SOURCE-OTHER-PIPELINE', table: null, message, fix }];
}

function missingFindings(
  db: DatabaseSync,
  part: {
    readonly name: string;
    readonly names: readonly string[];
    readonly request: CheckRequest;
  },
): Finding[] {
  const { name, names, request } = part;
  if (names.some((known) => sameName(known, name))) return [];
  const condition = `schema = 'main' AND name = ?1 COLLATE NOCASE`;
  const sql = `SELECT type FROM pragma_table_list WHERE ${condition}`;
  const [row] = query(db, sql, name);
  const table = { namespace: request.namespace, table: name };
  if (row === undefined) {
    const message = `The database has no table ${name}.`;
    return [{ severity: 'error', code: 'SOURCE-TABLE-MISSING', table, message, fix: null }];
  }
  const message = `${name} is a ${String(row[0])}: triggers cannot record its changes.`;
  return [{ severity: 'error', code: 'SOURCE-TABLE-UNSUPPORTED', table, message, fix: null }];
}

/** What a run will do to the table, with the triggers it will install. */
function captureFindings(part: {
  readonly table: TableName;
  readonly drift: Drift | undefined;
  readonly nextId: number;
}): Finding[] {
  const { table, drift, nextId } = part;
  const finding = (severity: Finding['severity'], code: string, message: string): Finding => {
    const plan = drift !== undefined && 'plan' in drift ? drift.plan : null;
    const sql = plan === null ? [] : plannedTriggers(plan, nextId).map((trigger) => trigger.sql);
    return { severity, code, table, message, fix: sql.length === 0 ? null : `${sql.join(';\n')};` };
  };
  if (drift === undefined) {
    return [
      finding('ok', 'triggers', 'Its changes are recorded; the triggers are as they should be.'),
    ];
  }
  switch (drift.kind) {
    case 'install':
      return [finding('ok', 'triggers', '`firn run` installs these triggers.')];
    case 'continue':
      return [finding('ok', 'triggers', 'The table changed; `firn run` renews its triggers.')];
    case 'restart': {
      const message = `${drift.cause.detail}. \`firn run\` renews its triggers and loads it again.`;
      return [finding('warning', drift.cause.code, message)];
    }
    case 'end': {
      const cause = drift.cause ?? { code: 'SOURCE-CAPTURE-ENDED', detail: 'It is taken out' };
      return [finding('error', cause.code, `${cause.detail}.`)];
    }
    case 'refuse': {
      const { code, detail } = drift.cause;
      return [{ ...finding('error', code, `${detail}.`), fix: ERROR_REGISTRY[code].remedy }];
    }
    default:
      return unreachable(drift);
  }
}

function keyFindings(table: TableName, plan: CapturePlan): Finding[] {
  if (plan.ledgerOnlyReason === null) return [];
  const by = plan.rowidName === null ? 'its primary key' : 'rowid';
  const message =
    `The table gets a ledger but no base: ${plan.ledgerOnlyReason}. ` +
    `Its changes are recorded by ${by}.`;
  const fix =
    'Rebuild it with a primary key of NOT NULL columns that are no floating-point numbers.';
  return [{ severity: 'warning', code: 'ledger-only', table, message, fix }];
}

/** Triggers of the application that SQLite lets hide changes from other triggers. */
function triggerFindings(table: TableName, shape: TableShape): Finding[] {
  return foreignTriggers(shape).flatMap(({ name, sql }): Finding[] => {
    const message = hidingReason(name, sql);
    if (message === null) return [];
    return [{ severity: 'warning', code: 'foreign-trigger', table, message, fix: null }];
  });
}

function hidingReason(name: string, sql: string): string | null {
  if (/\braise\s*\(\s*ignore\s*\)/i.test(sql)) {
    return (
      `Trigger ${name} uses RAISE(IGNORE): SQLite then skips the triggers that would record ` +
      'the change.'
    );
  }
  if (!/^create\s+trigger\b[^;]*?\bbefore\b/i.test(sql)) return null;
  return (
    `Trigger ${name} runs before writes: a row that it writes, and that OR REPLACE then removes, ` +
    'is not seen to vanish.'
  );
}

function dropColumnFindings(tableCount: number): Finding[] {
  if (tableCount === 0) return [];
  return [
    {
      severity: 'warning',
      code: 'drop-column',
      table: null,
      message:
        'While Firn’s triggers are on a table, SQLite refuses `ALTER TABLE … DROP COLUMN`. Drop them first, in the same transaction: Firn makes new ones and loads the table again by itself. This query gives the statements (replace T).',
      fix:
        `SELECT 'DROP TRIGGER "' || name || '";' FROM sqlite_master ` +
        `WHERE type = 'trigger' AND tbl_name = 'T' AND name GLOB '_firn_*';`,
    },
  ];
}
