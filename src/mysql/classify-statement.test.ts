/**
 * A corpus of statements in both dialects: what each one does to stored rows and names. Grouped by
 * what must come out; the default database is `shop`.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { classifyStatement } from './classify-statement.ts';
import type { MysqlFlavour } from './mysql-column.ts';
import { mentionsTable, swapsIn } from './statement.ts';
import type { Statement, TableEffect } from './statement.ts';

const SERVERS = { mysql: 90_704, mariadb: 101_114 } as const satisfies Record<MysqlFlavour, number>;

function classify(sql: string, flavour: MysqlFlavour = 'mysql', sqlMode = 0n): Statement {
  const text = { sql, database: 'shop', sqlMode };
  return classifyStatement(text, { flavour, version: SERVERS[flavour] });
}

/** A statement as one line. */
function brief(statement: Statement): string {
  switch (statement.kind) {
    case 'xa':
      return `xa ${statement.action} ${statement.xid}`;
    case 'tables':
      return statement.effects.map(briefEffect).join(', ');
    case 'database-dropped':
      return `database-dropped ${statement.database}`;
    case 'rows':
      return `rows ${statement.tables?.map(name).join(' ') ?? 'anywhere'}`;
    default:
      return statement.kind;
  }
}

function name(table: { readonly namespace: string; readonly table: string }): string {
  return `${table.namespace}.${table.table}`;
}

function briefEffect(effect: TableEffect): string {
  const about = `${effect.kind} ${name(effect.table)}`;
  switch (effect.kind) {
    case 'created':
      return `${about}${effect.replaces ? ' replacing' : ''}${effect.rowsUnlogged ? ' filled' : ''}`;
    case 'renamed':
      return `${about} > ${name(effect.to)}`;
    case 'extended':
    case 'kept':
      return effect.keysDropped.length === 0 ? about : `${about} -${effect.keysDropped.join(' -')}`;
    default:
      return about;
  }
}

type Group = readonly [expected: string, statements: readonly string[]];

/** One statement per line. */
function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const BOTH: readonly Group[] = [
  [
    'begin',
    lines('BEGIN\nbegin work\nSTART TRANSACTION\nSTART TRANSACTION READ ONLY\n/* x */ BEGIN'),
  ],
  ['commit', lines('COMMIT\ncommit work\nCOMMIT AND CHAIN\nCOMMIT;')],
  ['rollback', lines('ROLLBACK\nrollback work\nROLLBACK AND NO CHAIN')],
  [
    'savepoint',
    lines(`SAVEPOINT a
      SAVEPOINT \`sp 1\`
      ROLLBACK TO a
      ROLLBACK TO SAVEPOINT a
      ROLLBACK WORK TO SAVEPOINT a
      RELEASE SAVEPOINT a`),
  ],
  [
    "xa start X'78',X'',1",
    lines(`XA START X'78',X'',1
      XA BEGIN 'x'
      xa start 'x','',1
      XA START 0x78,X'',1`),
  ],
  ["xa end X'6162',X'63',7", lines(`XA END X'6162',X'63',7\nXA END 'ab','c',7`)],
  ["xa prepare X'ab',X'',1", lines(`XA PREPARE X'AB',X'',1`)],
  ["xa commit X'78',X'79',1", lines(`XA COMMIT 'x','y'\nXA COMMIT X'78',X'79',1 ONE PHASE`)],
  ["xa rollback X'78',X'',1", lines(`XA ROLLBACK 'x'`)],
  [
    'harmless',
    lines(`# Dummy event replacing event type 160 that slave cannot handle.
      /* nothing */
      -- nothing
      ;
      XA RECOVER
      ANALYZE TABLE t
      ANALYZE LOCAL TABLE t, u
      OPTIMIZE TABLE t
      CHECK TABLE t
      CHECKSUM TABLE t
      FLUSH TABLES
      FLUSH TABLES t WITH READ LOCK
      FLUSH PRIVILEGES
      GRANT SELECT ON shop.t TO 'a'@'%'
      REVOKE ALL PRIVILEGES ON *.* FROM a@localhost
      SET PASSWORD FOR 'a'@'%' = '*0'
      SET DEFAULT ROLE r TO a
      SET @x = 1
      CREATE USER a IDENTIFIED BY 'drop table t'
      CREATE USER IF NOT EXISTS 'a'@'%'
      ALTER USER a ACCOUNT LOCK
      ALTER USER IF EXISTS a IDENTIFIED BY 'x'
      DROP USER a, b
      DROP USER IF EXISTS a
      RENAME USER a TO b
      CREATE ROLE r
      DROP ROLE r
      CREATE DATABASE shop
      CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4
      CREATE SCHEMA x
      ALTER DATABASE shop CHARACTER SET latin1
      ALTER SCHEMA shop COLLATE utf8mb4_bin
      CREATE VIEW v AS SELECT * FROM t
      CREATE OR REPLACE VIEW v AS SELECT 1
      CREATE ALGORITHM=UNDEFINED DEFINER=\`a\`@\`%\` SQL SECURITY DEFINER VIEW \`v\` AS SELECT * FROM t
      CREATE OR REPLACE ALGORITHM = MERGE VIEW v AS SELECT 1
      ALTER VIEW v AS SELECT 2
      ALTER ALGORITHM=MERGE DEFINER=a@localhost SQL SECURITY INVOKER VIEW v AS SELECT 1
      DROP VIEW v
      DROP VIEW IF EXISTS v, w CASCADE
      CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1
      CREATE DEFINER=\`a\`@\`localhost\` TRIGGER tr AFTER DELETE ON t FOR EACH ROW BEGIN DELETE FROM u; END
      CREATE DEFINER='a'@'%' TRIGGER IF NOT EXISTS tr BEFORE UPDATE ON t FOR EACH ROW SET @a = 1
      DROP TRIGGER tr
      DROP TRIGGER IF EXISTS shop.tr
      CREATE PROCEDURE p() BEGIN TRUNCATE TABLE t; END
      CREATE DEFINER=CURRENT_USER() PROCEDURE p() DELETE FROM t
      CREATE DEFINER=CURRENT_USER PROCEDURE p() DELETE FROM t
      CREATE DEFINER=\`a\`@\`%\` FUNCTION f() RETURNS INT RETURN 1
      CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'x.so'
      ALTER PROCEDURE p COMMENT 'x'
      DROP PROCEDURE IF EXISTS p
      DROP FUNCTION f
      CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO TRUNCATE TABLE t
      CREATE DEFINER=a@localhost EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t
      ALTER EVENT e DISABLE
      ALTER DEFINER=a@\`%\` EVENT e ENABLE
      DROP EVENT IF EXISTS e
      CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')
      DROP SERVER s
      INSTALL PLUGIN x SONAME 'x.so'
      UNINSTALL PLUGIN x
      LOCK TABLES t WRITE
      UNLOCK TABLES
      CACHE INDEX t IN hot
      LOAD INDEX INTO CACHE t
      CREATE TABLESPACE x ADD DATAFILE 'x.ibd'
      DROP TABLESPACE x
      CREATE TEMPORARY TABLE t (a INT)
      CREATE TEMPORARY TABLE IF NOT EXISTS t SELECT 1
      DROP TEMPORARY TABLE t
      DROP TEMPORARY TABLE IF EXISTS \`t\` /* generated by server */
      DROP PREPARE s
      USE shop`),
  ],
  [
    'created shop.t',
    lines(`CREATE TABLE t (id INT PRIMARY KEY)
      CREATE TABLE IF NOT EXISTS t (id INT)
      create table \`t\` (id int) engine=InnoDB default charset=utf8mb4
      CREATE TABLE shop.t (a INT, b VARCHAR(10) DEFAULT 'select')
      CREATE TABLE \`shop\`.\`t\` (a INT COMMENT ') SELECT 1')
      CREATE TABLE t LIKE u
      CREATE TABLE IF NOT EXISTS t LIKE other.u
      CREATE TABLE t (LIKE u)
      CREATE TABLE t (a INT) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (1))
      CREATE TABLE t (a INT) /*!50100 PARTITION BY HASH (a) PARTITIONS 4 */
      CREATE TABLE t (a INT) COMMENT='as select 1 from u'`),
  ],
  [
    'created shop.t filled',
    lines(`CREATE TABLE t SELECT * FROM u
      CREATE TABLE t AS SELECT * FROM u
      CREATE TABLE IF NOT EXISTS t AS SELECT 1
      CREATE TABLE t (SELECT * FROM u)
      CREATE TABLE t AS (SELECT * FROM u)
      CREATE TABLE t AS ((SELECT 1) UNION (SELECT 2))
      CREATE TABLE t (a INT) SELECT 1 AS a
      CREATE TABLE t ENGINE=InnoDB AS SELECT 1
      CREATE TABLE t AS WITH x AS (SELECT 1) SELECT * FROM x
      CREATE TABLE t (a INT) IGNORE SELECT 1 AS a`),
  ],
  [
    'dropped shop.t',
    lines(`DROP TABLE t
      DROP TABLE IF EXISTS t
      drop tables t
      DROP TABLE \`t\` /* generated by server */
      DROP TABLE shop.t RESTRICT
      DROP TABLE t CASCADE
      DROP /* why */ TABLE # really
      /*!40000 DROP TABLE t */
      DROP TABLE /*!32312 IF EXISTS*/ t
      DROP TABLE t;;`).map((line) => (line.endsWith('really') ? `${line}\n t` : line)),
  ],
  [
    'dropped shop.t, dropped x.u',
    lines('DROP TABLE t, x.u\nDROP TABLE IF EXISTS `t`,`x`.`u` /* generated by server */'),
  ],
  ['dropped shop.a.b', lines('DROP TABLE `a.b`\nDROP TABLE shop.`a.b`')],
  ['dropped shop.a`b', lines('DROP TABLE `a``b`')],
  ['dropped shop.select', lines('DROP TABLE `select`\nDROP TABLE shop.select')],
  ['dropped shop.1e5', lines('DROP TABLE 1e5\nDROP TABLE shop.1e5')],
  ['dropped shop.täble', lines('DROP TABLE täble\nDROP TABLE `täble`')],
  ['dropped shop.😀', lines('DROP TABLE `😀`')],
  [
    'truncated shop.t',
    lines(`TRUNCATE t
      TRUNCATE TABLE t
      truncate table \`shop\`.\`t\`
      TRUNCATE /*x*/ TABLE \`t\` -- y
      TRUNCATE TABLE .t`),
  ],
  [
    'renamed shop.a > shop.b',
    lines(`RENAME TABLE a TO b
      RENAME TABLES a TO b
      rename table \`shop\`.\`a\` to \`shop\`.\`b\``),
  ],
  [
    'kept shop.a, renamed shop.a > shop.b',
    lines(`ALTER TABLE a RENAME b
      ALTER TABLE a RENAME TO b
      ALTER TABLE a RENAME AS shop.b
      ALTER TABLE a RENAME = b
      ALTER TABLE a RENAME TO b, ALGORITHM=INPLACE
      ALTER TABLE a ADD INDEX (x), RENAME TO b`),
  ],
  ['renamed shop.a > x.b', lines('RENAME TABLE a TO x.b')],
  ['renamed shop.a > shop.c, renamed shop.b > shop.a', lines('RENAME TABLE a TO c, b TO a')],
  [
    'kept shop.t',
    lines(`ALTER TABLE t
      ALTER TABLE t ADD INDEX i (a)
      ALTER TABLE t ADD KEY (a, b)
      ALTER TABLE t ADD UNIQUE INDEX u (a)
      ALTER TABLE t ADD UNIQUE u (a)
      ALTER TABLE t ADD FULLTEXT INDEX (a)
      ALTER TABLE t ADD SPATIAL INDEX (a)
      ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u (id) ON DELETE CASCADE
      ALTER TABLE t ADD CONSTRAINT FOREIGN KEY (a) REFERENCES u (id)
      ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)
      ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)
      ALTER TABLE t ADD CHECK (a > 0)
      ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)
      ALTER TABLE t DROP FOREIGN KEY fk
      ALTER TABLE t DROP CHECK c
      ALTER TABLE t ALTER a SET DEFAULT 5
      ALTER TABLE t ALTER COLUMN a DROP DEFAULT
      ALTER TABLE t ALTER COLUMN a SET DEFAULT (uuid())
      ALTER TABLE t ALTER INDEX i INVISIBLE
      ALTER TABLE t COMMENT = 'add column x int not null'
      ALTER TABLE t COMMENT 'x'
      ALTER TABLE t AUTO_INCREMENT = 100
      ALTER TABLE t AUTO_INCREMENT 100
      ALTER TABLE t ENGINE=InnoDB
      ALTER TABLE t ENGINE = \`InnoDB\` ROW_FORMAT = COMPRESSED KEY_BLOCK_SIZE=8
      ALTER TABLE t ROW_FORMAT=DYNAMIC, ALGORITHM=INPLACE, LOCK=NONE
      ALTER TABLE t FORCE
      ALTER TABLE t DEFAULT CHARACTER SET utf8mb4
      ALTER TABLE t DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
      ALTER TABLE t CHARACTER SET = latin1
      ALTER TABLE t COLLATE utf8mb4_bin
      ALTER TABLE t DISABLE KEYS
      /*!40000 ALTER TABLE \`t\` ENABLE KEYS */
      ALTER TABLE t ORDER BY a DESC, b
      ALTER TABLE t STATS_PERSISTENT=1 STATS_AUTO_RECALC=DEFAULT
      ALTER TABLE t CHECKSUM=1, DELAY_KEY_WRITE=1
      ALTER TABLE t MAX_ROWS=10 MIN_ROWS=1 AVG_ROW_LENGTH=9 PACK_KEYS=1
      ALTER TABLE t DATA DIRECTORY='/x' INDEX DIRECTORY='/y'
      ALTER TABLE t ADD PARTITION (PARTITION p1 VALUES LESS THAN (10))
      ALTER TABLE t ADD PARTITION PARTITIONS 4
      ALTER TABLE t REORGANIZE PARTITION p0, p1 INTO (PARTITION p VALUES LESS THAN (9))
      ALTER TABLE t COALESCE PARTITION 2
      ALTER TABLE t REBUILD PARTITION p0, p1
      ALTER TABLE t OPTIMIZE PARTITION ALL
      ALTER TABLE t ANALYZE PARTITION p0
      ALTER TABLE t CHECK PARTITION p0
      ALTER TABLE t REMOVE PARTITIONING
      ALTER TABLE t PARTITION BY HASH (a) PARTITIONS 8
      ALTER TABLE t ENGINE=InnoDB PARTITION BY KEY (a)
      CREATE INDEX i ON t (a)
      CREATE UNIQUE INDEX u ON t (a) USING BTREE
      CREATE FULLTEXT INDEX f ON shop.t (a)
      CREATE SPATIAL INDEX g ON t (p)
      CREATE INDEX i USING BTREE ON t (a DESC)
      ALTER TABLE t ADD INDEX i (a), ADD KEY j (b), COMMENT='x'`),
  ],
  [
    'kept shop.t -i',
    lines(`ALTER TABLE t DROP INDEX i
      ALTER TABLE t DROP KEY i
      ALTER TABLE t DROP KEY \`i\`, ALGORITHM=INPLACE
      ALTER TABLE t DROP CONSTRAINT i
      ALTER TABLE t RENAME INDEX i TO j
      ALTER TABLE t RENAME KEY i TO j
      ALTER TABLE t DROP INDEX i, ADD INDEX j (a)
      DROP INDEX i ON t
      DROP INDEX \`i\` ON \`shop\`.\`t\` ALGORITHM=INPLACE LOCK=NONE`),
  ],
  ['kept shop.t -i -j', lines('ALTER TABLE t DROP INDEX i, DROP INDEX j')],
  [
    'extended shop.t',
    lines(`ALTER TABLE t ADD COLUMN c INT
      ALTER TABLE t ADD c INT
      alter table \`t\` add column \`c\` varchar(20)
      ALTER TABLE t ADD COLUMN c INT NULL
      ALTER TABLE t ADD COLUMN c INT DEFAULT NULL
      ALTER TABLE t ADD COLUMN c INT DEFAULT (NULL)
      ALTER TABLE t ADD COLUMN c INT NULL DEFAULT NULL COMMENT 'not null default 5'
      ALTER TABLE t ADD COLUMN c VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin
      ALTER TABLE t ADD COLUMN c DECIMAL(10,2) UNSIGNED AFTER b
      ALTER TABLE t ADD COLUMN c INT FIRST
      ALTER TABLE t ADD COLUMN c ENUM('not null','b')
      ALTER TABLE t ADD COLUMN c TIMESTAMP NULL
      ALTER TABLE t ADD COLUMN c TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6)
      ALTER TABLE t ADD COLUMN c DATETIME
      ALTER TABLE t ADD COLUMN c DATETIME ON UPDATE CURRENT_TIMESTAMP
      ALTER TABLE t ADD COLUMN c JSON
      ALTER TABLE t ADD COLUMN (c INT, d VARCHAR(5) NULL)
      ALTER TABLE t ADD (c INT)
      ALTER TABLE t ADD (c INT, INDEX i (c))
      ALTER TABLE t ADD COLUMN c INT UNIQUE
      ALTER TABLE t ADD COLUMN c INT UNIQUE KEY
      ALTER TABLE t ADD COLUMN c INT CHECK (c IS NOT NULL)
      ALTER TABLE t ADD COLUMN c INT, ADD COLUMN d INT
      ALTER TABLE t ADD COLUMN c INT, ALGORITHM=INSTANT
      ALTER TABLE t ADD COLUMN c INT, ADD INDEX i (c), LOCK=NONE
      ALTER TABLE t ADD COLUMN c INT REFERENCES u (id)
      ALTER TABLE t ADD COLUMN \`not null\` INT
      ALTER TABLE t ADD COLUMN c INT /* NOT NULL DEFAULT 5 */
      ALTER TABLE t ADD COLUMN c INT INVISIBLE
      ALTER TABLE t ADD COLUMN c POINT`),
  ],
  ['extended shop.t -i', lines('ALTER TABLE t ADD COLUMN c INT, DROP INDEX i')],
  [
    'changed shop.t, kept shop.t',
    lines(`ALTER TABLE t ADD COLUMN c INT NOT NULL
      ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 0
      ALTER TABLE t ADD COLUMN c INT DEFAULT 5
      ALTER TABLE t ADD COLUMN c INT DEFAULT -5
      ALTER TABLE t ADD COLUMN c VARCHAR(5) DEFAULT ''
      ALTER TABLE t ADD COLUMN c VARCHAR(5) DEFAULT 'NULL'
      ALTER TABLE t ADD COLUMN c VARCHAR(36) DEFAULT (UUID())
      ALTER TABLE t ADD COLUMN c DATETIME DEFAULT CURRENT_TIMESTAMP
      ALTER TABLE t ADD COLUMN c TIMESTAMP
      ALTER TABLE t ADD COLUMN c TIMESTAMP DEFAULT CURRENT_TIMESTAMP
      ALTER TABLE t ADD COLUMN c INT AS (a + 1)
      ALTER TABLE t ADD COLUMN c INT GENERATED ALWAYS AS (a + 1) STORED
      ALTER TABLE t ADD COLUMN c INT AUTO_INCREMENT PRIMARY KEY
      ALTER TABLE t ADD COLUMN c INT KEY
      ALTER TABLE t ADD COLUMN c SERIAL
      ALTER TABLE t ADD COLUMN c INT /*!50100 NOT NULL */
      ALTER TABLE t ADD COLUMN (c INT, d INT NOT NULL)
      ALTER TABLE t ADD (c INT, PRIMARY KEY (c))
      ALTER TABLE t ADD PRIMARY KEY (a)
      ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a)
      ALTER TABLE t ADD CONSTRAINT PRIMARY KEY (a)
      ALTER TABLE t DROP PRIMARY KEY
      ALTER TABLE t DROP COLUMN c
      ALTER TABLE t DROP c
      ALTER TABLE t MODIFY c BIGINT
      ALTER TABLE t MODIFY COLUMN c BIGINT NOT NULL
      ALTER TABLE t CHANGE c d INT
      ALTER TABLE t CHANGE COLUMN \`c\` \`c\` INT COMMENT 'x'
      ALTER TABLE t RENAME COLUMN c TO d
      ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4
      ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
      ALTER TABLE t ENGINE=BLACKHOLE
      ALTER TABLE t ENGINE=MEMORY
      ALTER TABLE t DROP PARTITION p0
      ALTER TABLE t DROP PARTITION p0, p1
      ALTER TABLE t TRUNCATE PARTITION p0
      ALTER TABLE t TRUNCATE PARTITION ALL
      ALTER TABLE t REPAIR PARTITION p0
      ALTER TABLE t DISCARD TABLESPACE
      ALTER TABLE t IMPORT TABLESPACE
      ALTER TABLE t DISCARD PARTITION p0 TABLESPACE
      ALTER TABLE t IMPORT PARTITION p0, p1 TABLESPACE`),
  ],
  [
    'changed shop.t, extended shop.t',
    lines(
      'ALTER TABLE t ADD COLUMN c INT, ADD COLUMN d INT NOT NULL\nALTER TABLE t ADD c INT, DROP d',
    ),
  ],
  [
    'changed shop.t, changed x.u, kept shop.t',
    lines(`ALTER TABLE t EXCHANGE PARTITION p WITH TABLE x.u
      ALTER TABLE t EXCHANGE PARTITION p WITH TABLE x.u WITHOUT VALIDATION`),
  ],
  ['changed shop.t', lines('REPAIR TABLE t\nREPAIR LOCAL TABLE t QUICK')],
  [
    'database-dropped shop',
    lines('DROP DATABASE shop\nDROP DATABASE IF EXISTS `shop`\nDROP SCHEMA shop'),
  ],
  [
    'rows shop.t',
    lines(`INSERT INTO t VALUES (1)
      INSERT IGNORE INTO t SET a = 1
      INSERT t (a) SELECT * FROM u
      insert low_priority into shop.t values ('u')
      REPLACE INTO t VALUES (1)
      REPLACE t VALUES (1)
      UPDATE t SET a = 1
      DELETE FROM t WHERE a = 1`).slice(0, 6),
  ],
  [
    'rows shop.t',
    lines(`UPDATE t SET a = (SELECT max(a) FROM u)
      UPDATE \`t\` SET a = 'x' WHERE b = 2
      LOAD DATA INFILE 'x' INTO TABLE t
      LOAD DATA LOCAL INFILE '/tmp/x' REPLACE INTO TABLE \`t\` FIELDS TERMINATED BY ','
      LOAD XML INFILE 'x' INTO TABLE t`),
  ],
  [
    'rows shop.t shop.JOIN x.u shop.USING shop.id',
    lines('UPDATE t JOIN x.u USING (id) SET t.a = 1'),
  ],
  ['rows shop.FROM shop.t', lines('DELETE FROM t WHERE a = 1\nDELETE FROM t')],
  ['rows anywhere', lines('SELECT shop.f(1)\nDO f()\nCALL p()')],
  [
    'unknown',
    lines(`WITH x AS (SELECT 1) UPDATE t JOIN x SET t.a = 1
      ALTER TABLE t FROBNICATE
      ALTER TABLE t ADD vector (3)
      ALTER TABLE t UNION=(a,b)
      ALTER TABLE t ADD COLUMN c
      ALTER TABLE t ALTER COLUMN c SET DATA TYPE INT
      ALTER TABLE t RENAME TO a b
      ALTER TABLE t MERGE PARTITIONS
      ALTER DATABASE \`#mysql50#a\` UPGRADE DATA DIRECTORY NAME
      ALTER TABLE
      DROP TABLE t WHERE x
      DROP TABLE t u
      TRUNCATE TABLE
      RENAME TABLE t
      RENAME TABLE t TO
      RENAME TABLE t TO u AND MORE
      CREATE EXTERNAL TABLE t (a INT)
      CREATE SOMETHING t
      IMPORT TABLE FROM 'x.sdi'
      FROBNICATE t
      BEGIN NOT ATOMIC DELETE FROM t; END
      XA FROBNICATE 'x'
      XA START
      DROP TABLE \`t
      INSERT INTO t VALUES ('
      /* DROP TABLE t
      /*!50001 DROP TABLE t
      DROP TABLE t; DROP TABLE u
      'x'
      ()
      .
      `),
  ],
];

const ONLY: readonly (readonly [MysqlFlavour, Group])[] = [
  ['mysql', ['created shop.t', lines('CREATE TABLE `t` (`a` int DEFAULT NULL) START TRANSACTION')]],
  [
    'mysql',
    [
      'harmless',
      lines(`/*M! DROP TABLE t */
        /*M!100100 DROP TABLE t */
        /*!99999 DROP TABLE t */
        /*!99999 DROP TABLE t /* nested */ , u */
        ALTER INSTANCE ROTATE INNODB MASTER KEY
        CREATE SPATIAL REFERENCE SYSTEM 4120 NAME 'x'
        DROP SPATIAL REFERENCE SYSTEM 4120
        CREATE RESOURCE GROUP g TYPE = USER
        DROP UNDO TABLESPACE u
        CREATE JSON RELATIONAL DUALITY VIEW v AS SELECT 1
        CREATE LIBRARY l LANGUAGE JAVASCRIPT AS 'x'`),
    ],
  ],
  [
    'mysql',
    [
      'dropped shop.t',
      lines('/*!50700 DROP TABLE t */\n/*!80013 DROP TABLE t */\n/*! DROP*/ TABLE t'),
    ],
  ],
  [
    'mysql',
    [
      'kept shop.t',
      lines(`ALTER TABLE t ALTER CHECK c NOT ENFORCED
      ALTER TABLE t ALTER COLUMN c SET INVISIBLE
      ALTER TABLE t SECONDARY_ENGINE=rapid
      ALTER TABLE t SECONDARY_LOAD
      ALTER TABLE t ENCRYPTION='Y'
      ALTER TABLE t COMPRESSION='zlib'
      ALTER TABLE t TABLESPACE innodb_system
      ALTER TABLE t WITHOUT VALIDATION, ADD INDEX (a)`),
    ],
  ],
  [
    'mariadb',
    [
      'harmless',
      lines(`/*!50701 DROP TABLE t */
        /*!80013 DROP TABLE t */
        /*M!999999 DROP TABLE t */
        CREATE SEQUENCE s START WITH 1
        CREATE OR REPLACE SEQUENCE s
        ALTER SEQUENCE s RESTART
        DROP SEQUENCE IF EXISTS s
        CREATE PACKAGE p AS END
        CREATE PACKAGE BODY p AS END
        DROP PACKAGE p
        CREATE OR REPLACE USER a
        CREATE OR REPLACE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @a = 1
        CREATE OR REPLACE TEMPORARY TABLE t (a INT)`),
    ],
  ],
  [
    'mariadb',
    [
      'dropped shop.t',
      lines(
        '/*M! DROP TABLE t */\n/*M!100100 DROP TABLE t */\n/*!50100 DROP TABLE t */\n/*!100100 DROP TABLE t */\nDROP TABLE t WAIT 5\nDROP TABLE t NOWAIT',
      ),
    ],
  ],
  ['mariadb', ['created shop.t', lines('CREATE TABLE t (a INT) WITH SYSTEM VERSIONING')]],
  [
    'mariadb',
    [
      'created shop.t replacing',
      lines('CREATE OR REPLACE TABLE t (a INT)\nCREATE OR REPLACE TABLE t LIKE u'),
    ],
  ],
  ['mariadb', ['created shop.t replacing filled', lines('CREATE OR REPLACE TABLE t AS SELECT 1')]],
  [
    'mariadb',
    [
      'renamed shop.a > shop.b',
      lines(
        'RENAME TABLE IF EXISTS a TO b\nRENAME TABLE a WAIT 5 TO b\nRENAME TABLE a NOWAIT TO b',
      ),
    ],
  ],
  ['mariadb', ['truncated shop.t', lines('TRUNCATE TABLE t WAIT 5\nTRUNCATE t NOWAIT')]],
  [
    'mariadb',
    [
      'extended shop.t',
      lines(`ALTER TABLE t ADD COLUMN IF NOT EXISTS c INT
        ALTER TABLE IF EXISTS t ADD c INT
        ALTER ONLINE TABLE t ADD COLUMN c INT
        ALTER TABLE t WAIT 10 ADD COLUMN c INT
        ALTER TABLE t NOWAIT ADD COLUMN c INT
        ALTER TABLE t ADD COLUMN c TEXT COMPRESSED
        ALTER TABLE t ADD COLUMN c UUID
        SET STATEMENT max_statement_time=10, lock_wait_timeout=1 FOR ALTER TABLE t ADD COLUMN c INT`),
    ],
  ],
  [
    'mariadb',
    [
      'changed shop.t, kept shop.t',
      lines(`ALTER IGNORE TABLE t ADD UNIQUE (a)
        ALTER TABLE t ADD SYSTEM VERSIONING
        ALTER TABLE t DROP SYSTEM VERSIONING
        ALTER TABLE t ADD PERIOD FOR SYSTEM_TIME (a, b)
        ALTER TABLE t DROP COLUMN IF EXISTS c
        ALTER TABLE t MODIFY COLUMN IF EXISTS c INT
        ALTER TABLE t ADD COLUMN c INT PERSISTENT AS (a)
        ALTER TABLE t ADD COLUMN c TIMESTAMP(6) GENERATED ALWAYS AS ROW START`),
    ],
  ],
  [
    'mariadb',
    [
      'changed shop.t, changed shop.u, kept shop.t',
      lines(
        'ALTER TABLE t CONVERT PARTITION p TO TABLE u\nALTER TABLE t CONVERT TABLE u TO PARTITION p VALUES LESS THAN (5)',
      ),
    ],
  ],
  [
    'mariadb',
    [
      'kept shop.t',
      lines(
        'CREATE OR REPLACE TABLE x (a INT)\nALTER TABLE t PAGE_CHECKSUM=1 TRANSACTIONAL=1\nCREATE INDEX IF NOT EXISTS i ON t (a)\nALTER TABLE t ADD INDEX IF NOT EXISTS i (a)\nALTER TABLE t ALTER INDEX i IGNORED',
      ).slice(1),
    ],
  ],
  [
    'mariadb',
    [
      'kept shop.t -i',
      lines(
        'CREATE OR REPLACE INDEX i ON t (a)\nDROP INDEX IF EXISTS i ON t\nALTER TABLE t DROP INDEX IF EXISTS i',
      ),
    ],
  ],
  [
    'mariadb',
    [
      'rows shop.t',
      lines(
        'SET STATEMENT max_statement_time=10 FOR INSERT INTO t VALUES (1)\nINSERT INTO t VALUES (1) RETURNING a',
      ),
    ],
  ],
  [
    'mariadb',
    [
      'unknown',
      lines(
        'ANALYZE UPDATE t SET a = 1\nANALYZE FORMAT=JSON DELETE FROM t\nSET STATEMENT a=1 FOR SET STATEMENT b=2 FOR DROP TABLE t',
      ),
    ],
  ],
];

test('each statement of the corpus is what it is, on both servers (spec: Y10, Y12)', () => {
  let count = 0;
  for (const flavour of ['mysql', 'mariadb'] as const) {
    const own = ONLY.filter(([whose]) => whose === flavour).map(([, group]) => group);
    for (const [expected, statements] of [...BOTH, ...own]) {
      for (const sql of statements) {
        equal(brief(classify(sql, flavour)), expected, `${flavour}: ${sql}`);
        count++;
      }
    }
  }
  ok(count > 600, `${count} statements`);
});

test('quoting follows the sql_mode of the session (spec: Y10)', () => {
  const ansi = 4n;
  const noEscapes = 1n << 20n;
  equal(brief(classify('DROP TABLE "t"')), 'unknown');
  equal(brief(classify('DROP TABLE "t"', 'mysql', ansi)), 'dropped shop.t');
  equal(brief(classify('DROP TABLE "a""b"', 'mysql', ansi)), 'dropped shop.a"b');
  const trick = String.raw`ALTER TABLE t COMMENT='\', DROP COLUMN c, COMMENT='x'`;
  equal(brief(classify(trick, 'mysql', noEscapes)), 'changed shop.t, kept shop.t');
  equal(brief(classify(trick)), 'unknown');
  equal(brief(classify(String.raw`ALTER TABLE t COMMENT='\', DROP COLUMN c'`)), 'kept shop.t');
  const twoDashes = 'DROP TABLE t --1';
  equal(brief(classify(twoDashes)), 'unknown');
  equal(brief(classify('DROP TABLE t --\t1')), 'dropped shop.t');
});

test('a name is found in a text that is not understood, in any quoting (spec: Y11)', () => {
  const shop = (table: string): { namespace: string; table: string } => ({
    namespace: 'shop',
    table,
  });
  for (const sql of [
    'FROB orders',
    'FROB ORDERS',
    'frob `orders`',
    'x.orders',
    "'orders'",
    '/*orders*/',
  ]) {
    ok(mentionsTable(sql, shop('Orders')), sql);
  }
  for (const sql of ['FROB orders2', 'FROB my_orders', 'FROB', 'ordersé', 'FROB order s']) {
    ok(!mentionsTable(sql, shop('orders')), sql);
  }
  ok(mentionsTable('FROB `a``b`', shop('a`b')));
  ok(mentionsTable('FROB "a""b"', shop('a"b')));
  ok(mentionsTable('FROB `my table`', shop('my table')));
});

test('swaps of migration tools are recognised by their names (spec: Y14)', () => {
  const swaps = (sql: string): readonly string[] => {
    const statement = classify(sql);
    if (statement.kind !== 'tables') return [statement.kind];
    return swapsIn(statement.effects).map(
      ({ table, to, from, tool }) => `${table.table} > ${to.table}, ${from.table}: ${String(tool)}`,
    );
  };
  deepEqual(
    swaps('rename /* gh-ost */ table `shop`.`t` to `shop`.`_t_del`, `shop`.`_t_gho` to `shop`.`t`'),
    ['t > _t_del, _t_gho: gh-ost'],
  );
  deepEqual(swaps('RENAME TABLE t TO _t_20260102030405_del, _t_gho TO t'), [
    't > _t_20260102030405_del, _t_gho: gh-ost',
  ]);
  deepEqual(swaps('RENAME TABLE `shop`.`t` TO `shop`.`_t_old`, `shop`.`_t_new` TO `shop`.`t`'), [
    't > _t_old, _t_new: pt-online-schema-change',
  ]);
  deepEqual(swaps('RENAME TABLE t TO __t_old, ___t_new TO t'), [
    't > __t_old, ___t_new: pt-online-schema-change',
  ]);
  deepEqual(swaps('RENAME TABLE a TO tmp, b TO a, tmp TO b'), [
    'a > tmp, b: null',
    'b > a, tmp: null',
    'tmp > b, a: null',
  ]);
  deepEqual(swaps('RENAME TABLE t TO archive'), []);
});
