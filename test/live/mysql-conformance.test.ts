/** The suite of sources against real servers. */
import { sourceConformance } from '../conformance/source.ts';
import { skipWithout } from './support/live-server.ts';
import { mysqlWorlds, sharedServer } from './support/mysql-world.ts';

for (const flavour of ['mysql', 'mariadb'] as const) {
  if (skipWithout(flavour) === false)
    sourceConformance(flavour, mysqlWorlds(sharedServer(flavour)));
}
