/**
 * Foreign keys that change rows by themselves, out of `SHOW CREATE TABLE`: the one place where a
 * user who may only read a table sees them (information_schema hides them from such a user).
 */

/** A foreign key with an action. */
export interface ForeignKeyAction {
  readonly name: string;
  /** The table that it refers to, as the server writes it. */
  readonly parent: string;
  /** `ON DELETE CASCADE ON UPDATE SET NULL`. */
  readonly rules: string;
}

/**
 * A constraint has a line of its own in what both servers write. By lines and not by tokens:
 * MariaDB does not double a back quote in a constraint's name.
 */
const CONSTRAINT = new RegExp(
  '^ {2}CONSTRAINT `(.*)` FOREIGN KEY \\(.*\\) REFERENCES (`.*`) \\(.*\\)' +
    '((?: ON (?:DELETE|UPDATE) (?:RESTRICT|CASCADE|NO ACTION|SET NULL|SET DEFAULT))+),?$',
  'gm',
);
const ACTION = /ON (?:DELETE|UPDATE) (?:CASCADE|SET NULL|SET DEFAULT)/g;

/** The foreign keys of a table whose actions change its rows. */
export function foreignKeyActions(createTable: string): readonly ForeignKeyAction[] {
  return [...createTable.matchAll(CONSTRAINT)].flatMap(([, name = '', parent = '', rules = '']) => {
    const actions = rules.match(ACTION);
    if (actions === null) return [];
    return [{ name: name.replaceAll('``', '`'), parent, rules: actions.join(' ') }];
  });
}
