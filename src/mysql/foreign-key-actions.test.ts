/** Foreign keys with actions, as both servers write them. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { foreignKeyActions } from './foreign-key-actions.ts';

const TABLE = [
  'CREATE TABLE `t` (',
  '  `id` int NOT NULL,',
  "  `note` text COMMENT 'CONSTRAINT `x` FOREIGN KEY (`a`) REFERENCES `b` (`c`) ON DELETE CASCADE',",
  '  PRIMARY KEY (`id`),',
  '  KEY `a` (`a`),',
  '  CONSTRAINT `plain` FOREIGN KEY (`a`) REFERENCES `p` (`id`),',
  '  CONSTRAINT `strict` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE RESTRICT ON UPDATE NO ACTION,',
  '  CONSTRAINT `both` FOREIGN KEY (`a`,`b`) REFERENCES `x y`.`p` (`id`,`k`) ON DELETE SET NULL ON UPDATE CASCADE,',
  '  CONSTRAINT `a``b` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE RESTRICT ON UPDATE CASCADE,',
  '  CONSTRAINT `k`2` FOREIGN KEY (`a`) REFERENCES `p` (`id`) ON DELETE CASCADE,',
  '  CONSTRAINT `c` CHECK (`a` > 0)',
  ') ENGINE=InnoDB',
].join('\n');

test('only keys that change rows, by every name', () => {
  deepEqual(foreignKeyActions(TABLE), [
    { name: 'both', parent: '`x y`.`p`', rules: 'ON DELETE SET NULL ON UPDATE CASCADE' },
    { name: 'a`b', parent: '`p`', rules: 'ON UPDATE CASCADE' },
    { name: 'k`2', parent: '`p`', rules: 'ON DELETE CASCADE' },
  ]);
  deepEqual(foreignKeyActions(''), []);
});
