/**
 * The environment in which npm is the system's own, whatever npm and Node run this process: without
 * the Node inside node_modules, and without what an outer npm found for itself by the place of that
 * Node. The system's npm finds its settings, among them whom to trust, by its own place.
 */
import { delimiter } from 'node:path';

const OF_OUTER_NPM = /^npm_config_(?:prefix|local_prefix|global_prefix|globalconfig)$/i;

/** @param {NodeJS.ProcessEnv} environment of this process */
export function systemNpmEnvironment(environment) {
  const kept = Object.entries(environment).filter(([name]) => !OF_OUTER_NPM.test(name));
  const path = (environment.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter);
  return { ...Object.fromEntries(kept), PATH: path };
}
