/**
 * What `check` says of a MySQL or MariaDB server: every setting, grant and table property that
 * would break or lose, with the statement that fixes it. Reads only (docs/spec/source-mysql.md
 * Y17).
 */
import type { TableRule } from '../../config/pipeline-config.ts';
import { tablesNamed } from '../../config/table-choice.ts';
import type { TableChoice } from '../../config/table-choice.ts';
import { ERROR_REGISTRY } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { TableName } from '../../model/table-schema.ts';
import { formatTableName } from '../../model/table-schema.ts';
import { foreignKeyActions } from '../../mysql/foreign-key-actions.ts';
import { quoteMysqlName } from '../../mysql/quote-name.ts';
import type { Finding } from '../../ports/source.ts';
import { checkServer } from './check-server.ts';
import type { CheckedAccess } from './check-server.ts';
import type { MysqlConnection } from './connection.ts';
import { chooseShapes, readShapes, sourceTableOf } from './discover.ts';
import type { TableShape } from './discover.ts';
import { readServerSettings } from './server-settings.ts';
import type { ServerSettings } from './server-settings.ts';

/** What is checked. */
export interface CheckRequest {
  readonly tables: readonly TableRule[];
  readonly access: CheckedAccess;
}

/** Version of MySQL from which on the server itself, not its engine, follows foreign keys. */
const CASCADES_LOGGED = 90_600;

/** Engines that undo what a rolled-back transaction did. */
const TRANSACTIONAL = new Set(['INNODB', 'ROCKSDB', 'TOKUDB', 'NDBCLUSTER']);

/** A table that a rule takes. */
interface ChosenTable {
  readonly shape: TableShape;
  readonly choice: TableChoice;
  /** `null`: it cannot be captured. */
  readonly found: SourceTable | null;
}

/** Everything there is to say, in the order in which one would mend it. */
export async function checkMysql(
  connection: MysqlConnection,
  request: CheckRequest,
): Promise<readonly Finding[]> {
  const settings = await readServerSettings(connection);
  const findings = [...checkServer(settings, request.access)];
  const chosen: ChosenTable[] = [];
  const shapes = await readShapes(connection, request.tables);
  const { chosen: taken, helpers } = chooseShapes(shapes, request.tables);
  for (const { shape, choice } of taken) {
    const found = sourceTableOf(shape, choice, connection.server.flavour);
    if ('reason' in found) findings.push(refusal(found));
    chosen.push({ shape, choice, found: 'reason' in found ? null : found });
  }
  findings.push(...missingTables(request, chosen, settings));
  const captured = chosen.filter(({ found }) => found !== null);
  for (const table of captured) {
    const denied = await accessFindings(connection, table, settings);
    findings.push(...denied, ...propertyFindings(table));
    if (denied.length > 0 || logsCascades(settings)) continue;
    findings.push(...(await cascadeFindings(connection, table, settings)));
  }
  const helping = helpers.map(helperFinding);
  return [...findings, ...caseTwins(captured), ...helping, countFinding(captured.length)];
}

function refusal(found: {
  readonly table: TableName;
  readonly code: keyof typeof ERROR_REGISTRY;
  readonly reason: string;
}): Finding {
  const { table, code, reason } = found;
  const message = `The table cannot be captured: ${reason.replace(/\.$/, '')}.`;
  return { severity: 'error', code, table, message, fix: ERROR_REGISTRY[code].remedy };
}

function helperFinding(table: TableName): Finding {
  const message =
    'It looks like the helper table of a schema migration, and the pattern does not take it.';
  const fix = `Name ${formatTableName(table)} in the pipeline file to have it copied.`;
  return { severity: 'warning', code: 'migration-helper', table, message, fix };
}

function countFinding(count: number): Finding {
  const about = { table: null, fix: null };
  if (count === 0) {
    const message = 'No table of the pipeline file can be copied.';
    return { ...about, severity: 'error', code: 'no-tables', message };
  }
  const message = count === 1 ? '1 table can be copied.' : `${count} tables can be copied.`;
  return { ...about, severity: 'ok', code: 'tables', message };
}

/** Tables that the pipeline file names and the server does not show. */
function missingTables(
  request: CheckRequest,
  chosen: readonly ChosenTable[],
  { account }: ServerSettings,
): readonly Finding[] {
  const known = new Set(chosen.map(({ shape }) => formatTableName(shape.table).toLowerCase()));
  return tablesNamed(request.tables).flatMap((name): Finding[] => {
    if (known.has(name.toLowerCase())) return [];
    const dot = name.indexOf('.');
    const table = { namespace: name.slice(0, dot), table: name.slice(dot + 1) };
    const message = 'There is no such table, it is a view, or the user may not see it.';
    const fix = grantSelect(table, account);
    return [{ severity: 'error', code: 'SOURCE-TABLE-MISSING', table, message, fix }];
  });
}

function grantSelect(table: TableName, account: string): string {
  return `GRANT SELECT ON ${quoted(table)} TO ${account};`;
}

function quoted({ namespace, table }: TableName): string {
  return `${quoteMysqlName(namespace)}.${quoteMysqlName(table)}`;
}

/** Whether the captured columns can be read, by reading none of their rows. */
async function accessFindings(
  connection: MysqlConnection,
  { shape: { table }, found }: ChosenTable,
  { account }: ServerSettings,
): Promise<readonly Finding[]> {
  const columns = found?.columns.map(({ sourceName }) => quoteMysqlName(sourceName)).join(', ');
  try {
    await connection.query(`SELECT ${columns ?? '1'} FROM ${quoted(table)} LIMIT 0`);
    return [];
  } catch (error) {
    if (!isFirnError(error, 'SOURCE-PRIVILEGE', 'SOURCE-TABLE-MISSING')) throw error;
    const message = 'Its rows cannot be read: the user lacks SELECT on it or on a column.';
    const fix = grantSelect(table, account);
    return [{ severity: 'error', code: 'SOURCE-PRIVILEGE', table, message, fix }];
  }
}

/** What works, but should be known. */
function propertyFindings({ shape, found }: ChosenTable): readonly Finding[] {
  const { table, engine } = shape;
  const findings: Finding[] = [];
  const warn = (code: string, message: string, fix: string): void => {
    findings.push({ severity: 'warning', code, table, message, fix });
  };
  if (found?.ledgerOnlyReason !== null && found !== null) {
    const message = `The table gets a ledger but no base: ${found.ledgerOnlyReason}.`;
    const fix = `ALTER TABLE ${quoted(table)} ADD COLUMN id BIGINT AUTO_INCREMENT PRIMARY KEY;`;
    warn('ledger-only', message, shape.uniqueKeys.length === 0 ? fix : KEY_ADVICE);
  }
  if (engine !== null && !TRANSACTIONAL.has(engine.toUpperCase())) {
    const message =
      `The engine ${engine} knows no transactions: a crash of the server can leave rows that ` +
      'are not in its log, and a rollback leaves the rows.';
    warn('no-transactions', message, `ALTER TABLE ${quoted(table)} ENGINE = InnoDB;`);
  }
  return findings;
}

const KEY_ADVICE =
  'Give it a primary key of NOT NULL columns that are no floating-point numbers, and do not exclude them.';

/** Foreign keys whose actions change the table's rows without a word in the log. */
async function cascadeFindings(
  connection: MysqlConnection,
  { shape: { table } }: ChosenTable,
  { account }: ServerSettings,
): Promise<readonly Finding[]> {
  const created = await createStatement(connection, table);
  if (created === null) {
    const message =
      'Its foreign keys cannot be seen with rights on single columns. If one has an action such ' +
      'as ON DELETE CASCADE, the rows that it changes are not in the log of this server.';
    const fix = grantSelect(table, account);
    return [{ severity: 'warning', code: 'foreign-keys-unseen', table, message, fix }];
  }
  return foreignKeyActions(created).map(({ name, parent, rules }) => {
    const message =
      `The foreign key ${name} to ${parent} (${rules}) changes rows that this server does not ` +
      'log: the copy keeps them as they were. Replace the constraint by one with RESTRICT and ' +
      'change the rows in the application, read from MySQL 9.6 or newer, or run `firn verify ' +
      '--repair` regularly.';
    const fix = `ALTER TABLE ${quoted(table)} DROP FOREIGN KEY ${quoteMysqlName(name)};`;
    return { severity: 'error', code: 'foreign-key-action', table, message, fix };
  });
}

/** The statement that makes the table; `null`: the user may not see it. */
async function createStatement(
  connection: MysqlConnection,
  table: TableName,
): Promise<string | null> {
  try {
    const [row] = await connection.query(`SHOW CREATE TABLE ${quoted(table)}`);
    return row?.[1] ?? null;
  } catch (error) {
    if (isFirnError(error, 'SOURCE-PRIVILEGE', 'SOURCE-TABLE-MISSING')) return null;
    throw error;
  }
}

/** Whether changes by actions of foreign keys are in the log. */
function logsCascades({ server, variables }: ServerSettings): boolean {
  const isNative = variables.get('innodb_native_foreign_keys') === 'ON';
  return server.flavour === 'mysql' && server.version >= CASCADES_LOGGED && !isNative;
}

/** Tables whose names differ only in case: many readers of the lake cannot tell them apart. */
function caseTwins(captured: readonly ChosenTable[]): readonly Finding[] {
  const seen = new Map<string, TableName>();
  return captured.flatMap(({ shape: { table } }): Finding[] => {
    const folded = formatTableName(table).toLowerCase();
    const twin = seen.get(folded);
    seen.set(folded, table);
    if (twin === undefined) return [];
    const message =
      `Its name differs from ${formatTableName(twin)} only in case: many readers of the lake ` +
      'cannot tell the two apart.';
    return [{ severity: 'warning', code: 'names-by-case', table, message, fix: null }];
  });
}
