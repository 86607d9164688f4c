/** Addresses of servers: what they say, and that a bad one is never quoted back. */
import { deepEqual, doesNotMatch, equal, ok, throws } from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import {
  formatServer,
  isServerAddress,
  parseServerAddress,
  passwordVariable,
} from './server-address.ts';

test('every part of an address', () => {
  const whole = 'mysql://me:p%40ss%2F%23@db.example.org:3307/My%20Shop?tls=verify-ca&tlsCa=ca.pem';
  deepEqual(parseServerAddress(whole), {
    type: 'mysql',
    host: 'db.example.org',
    port: 3307,
    user: 'me',
    password: 'p@ss/#',
    database: 'My Shop',
    tls: 'verify-ca',
    tlsCa: resolve('ca.pem'),
    name: 'my_shop',
  });
  const short = parseServerAddress('MariaDB://me@[::1]');
  deepEqual(
    [short.host, short.port, short.password, short.database, short.tls, short.name],
    ['::1', 3306, null, null, 'verify', '1'],
  );
  equal(formatServer(short), '[::1]:3306');
  equal(formatServer(parseServerAddress(whole)), 'My Shop on db.example.org:3307');
});

test('a bad address is refused with what is wrong, not with what it holds (spec: Y20)', () => {
  for (const text of [
    'mysql:shop',
    'mysql://',
    'mysql:///canary',
    'mysql://canary@/shop',
    'mysql://db/canary',
    'mysql://me:canary#x@db/shop',
    'mysql://me:canary%zz@db/shop',
    'mysql://me:canary@db/shop/orders',
    'mysql://me:canary@db:99999/shop',
    'mysql://me:canary@db/shop?tls=maybe',
    'mysql://me:canary@db/shop?ssl=canary',
  ]) {
    ok(isServerAddress(text), text);
    throws(
      () => parseServerAddress(text),
      (error) => {
        ok(isFirnError(error, 'CONFIG-SOURCE-UNKNOWN'), text);
        doesNotMatch(`${error.message} ${error.remedy}`, /canary/);
        return true;
      },
    );
  }
  for (const text of ['shop.db', 'sqlite:x', 'mysql.db', './mysql:x'])
    equal(isServerAddress(text), false);
});

test('the variable of a password is one that a shell takes', () => {
  deepEqual(['shop', '1st', '_x'].map(passwordVariable), [
    'SHOP_PASSWORD',
    'FIRN_1ST_PASSWORD',
    '_X_PASSWORD',
  ]);
});
