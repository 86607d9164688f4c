/**
 * A whole pipeline whose catalog is a REST server: every kind of change of every kind of value is
 * copied, merged, proved and maintained by the program, and read by PyIceberg through the server.
 */
import { deepEqual, equal } from 'node:assert/strict';
import type { LakePlace } from '../support/lake-place.ts';
import { readTables } from './pyiceberg.ts';
import { answerRows, ordered, sourceRows } from './torture-table.ts';
import { TortureWork, WORK_SCHEMA, WORK_TABLES } from './torture-work.ts';

const ROUNDS = 2;
/** Values are compared as they are. */
const DIGEST_NOTHING = 1_000_000_000;

/** The pipeline file of a lake in the folder `lake` whose catalog is at `uri`. */
function remotePipeline(uri: string): string {
  return [
    'name: app',
    'source: {type: sqlite, path: ./app.db, pollInterval: 20ms}',
    'tables: ["*"]',
    'lake:',
    '  warehouse: ./lake',
    `  catalog: {type: rest, uri: "${uri}"}`,
    'ledger: {commitInterval: 100ms}',
    'base: {mergeInterval: 1s}',
    '',
  ].join('\n');
}

async function done(place: LakePlace, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await place.run(...words);
  equal(code, 0, `firn ${words.join(' ')}:\n${out}${err}`);
  return out;
}

/** Runs a pipeline in an empty place to its end; gives what to print. */
export async function provePipeline(place: LakePlace, uri: string): Promise<string> {
  const database = place.open();
  const work = new TortureWork(database, 5);
  database.exec(WORK_SCHEMA);
  work.fill();
  place.write('firn.yaml', remotePipeline(uri));
  await done(place, 'check', place.file);
  await place.catchUp();
  for (let round = 0; round < ROUNDS; round++) {
    work.round();
    await place.catchUp();
  }
  await done(place, 'verify', place.file);
  await done(place, 'maintain', place.file);
  await done(place, 'status', place.file);
  const tables = WORK_TABLES.flatMap(({ table }) => [`app.${table}`, `app.${table}_ledger`]);
  const read = readTables({ catalogPath: uri, tables, digestAbove: DIGEST_NOTHING });
  let said = '';
  for (const table of WORK_TABLES) {
    const name = table.table;
    const rows = ordered(read.get(`app.${name}`) ?? []);
    deepEqual(rows, ordered(sourceRows(database, table)), `base of ${name}`);
    deepEqual(ordered(answerRows(await place.query(`SELECT * FROM ${name}`))), rows, name);
    const changes = ordered(read.get(`app.${name}_ledger`) ?? []);
    const ledger = answerRows(await place.query(`SELECT * FROM ${name}_ledger`));
    deepEqual(ordered(ledger), changes, `ledger of ${name}`);
    said += ` ${name} ${rows.length}+${changes.length}`;
  }
  await done(place, 'drop', place.file, '--table', 'texts', '--yes');
  await place.catchUp();
  await done(place, 'verify', place.file);
  return said;
}
