/** The system's npm is not told where another npm found its settings. */
import { deepEqual } from 'node:assert/strict';
import { delimiter } from 'node:path';
import { test } from 'node:test';
import { systemNpmEnvironment } from './system-npm.mjs';

test('what an outer npm found by its own place is left out; what a user set stays', () => {
  const environment = {
    HOME: '/opt/me',
    PATH: ['/app/node_modules/.bin', '/usr/bin', '/bin'].join(delimiter),
    npm_config_registry: 'http://localhost:4873',
    npm_config_prefix: '/app/node_modules/node',
    npm_config_globalconfig: '/app/node_modules/node/etc/npmrc',
  };
  deepEqual(systemNpmEnvironment(environment), {
    HOME: '/opt/me',
    PATH: ['/usr/bin', '/bin'].join(delimiter),
    npm_config_registry: 'http://localhost:4873',
  });
});
