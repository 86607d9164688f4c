/** Lines of SHOW GRANTS, as both servers write them. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { parseGrant } from './grant.ts';

test('privileges, what they are on, and whether they may be given on', () => {
  const cases = [
    ['GRANT USAGE ON *.* TO `a`@`%`', ['USAGE'], '*.*', false],
    [
      'GRANT SELECT, REPLICATION SLAVE ON *.* TO `a`@`%`',
      ['SELECT', 'REPLICATION SLAVE'],
      '*.*',
      false,
    ],
    [
      'GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `a`@`%`',
      ['BACKUP_ADMIN', 'CLONE_ADMIN'],
      '*.*',
      false,
    ],
    [
      'GRANT SELECT (`id`, `on`), INSERT (`to`) ON `s`.`t` TO `a`@`%`',
      ['SELECT', 'INSERT'],
      '`s`.`t`',
      false,
    ],
    [
      'GRANT ALL PRIVILEGES ON `s``x`.* TO `a`@`%` WITH GRANT OPTION',
      ['ALL PRIVILEGES'],
      '`s``x`.*',
      true,
    ],
    [
      "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*WITH GRANT OPTION'",
      ['USAGE'],
      '*.*',
      false,
    ],
    [
      'GRANT USAGE ON *.* TO `a`@`%` REQUIRE SSL WITH MAX_USER_CONNECTIONS 5',
      ['USAGE'],
      '*.*',
      false,
    ],
  ] as const;
  for (const [line, privileges, scope, hasGrantOption] of cases) {
    deepEqual(parseGrant(line), { privileges, scope, hasGrantOption }, line);
  }
});

test('roles, proxies and other lines are no privileges', () => {
  for (const line of [
    'GRANT `reader`@`%` TO `a`@`%`',
    'GRANT reader TO `a`@`%` WITH ADMIN OPTION',
    "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
    'REVOKE INSERT ON `s`.* FROM `a`@`%`',
    'SET DEFAULT ROLE reader FOR `a`@`%`',
    'GRANT',
    '',
    "GRANT '",
  ]) {
    equal(parseGrant(line), null, line);
  }
});
