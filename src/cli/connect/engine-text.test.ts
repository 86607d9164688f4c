/** The lines for each engine: through both doors, in a folder and on S3, without a secret. */
import { equal, match, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../../kernel/firn-error.ts';
import { ENGINE_NAMES, engineText, isEngineName } from './engine-text.ts';
import type { EngineName, EngineText } from './engine-text.ts';
import type { Door, LakeConnection } from './lake-connection.ts';

const FILE: Door = { kind: 'file', path: "/data/it's/catalog.db" };
const SERVED: Door = {
  kind: 'rest',
  uri: 'http://127.0.0.1:8181',
  needsToken: false,
  warehouse: null,
};
const GUARDED: Door = { ...SERVED, uri: 'https://lake.example', needsToken: true };
const S3 = { endpoint: 'http://store.example:9000', region: 'eu-central-1', pathStyle: true };

const ENGINES = ENGINE_NAMES.filter(isEngineName);

function folder(door: Door): LakeConnection {
  return { name: 'firn', door, warehouse: 'file:///data/lake', s3: null };
}

function bucket(door: Door): LakeConnection {
  return { name: 'firn', door, warehouse: 's3://shop/lake', s3: S3 };
}

function textOf(engine: EngineName, connection: LakeConnection): EngineText | null {
  try {
    return engineText(engine, connection);
  } catch (error) {
    ok(isFirnError(error, 'CONFIG-USAGE'));
    return null;
  }
}

test('every engine has a way to every lake, but for those that cannot', () => {
  const closed: string[] = [];
  for (const engine of ENGINES) {
    for (const [name, connection] of Object.entries({
      'folder file': folder(FILE),
      'folder rest': folder(SERVED),
      's3 file': bucket(FILE),
      's3 rest': bucket(GUARDED),
    })) {
      const text = textOf(engine, connection);
      if (text === null) closed.push(`${engine} ${name}`);
      else match(text.read, /NAMESPACE.*TABLE|LOCATION/s);
    }
  }
  equal(closed.join(', '), 'trino folder file, trino folder rest, trino s3 file, chdb s3 rest');
});

test('a token is named where the server has one, and nowhere else', () => {
  for (const engine of ENGINES) {
    const lake = engine === 'chdb' ? folder : bucket;
    match(textOf(engine, lake(GUARDED))?.setup ?? '', /FIRN_CATALOG_TOKEN/, engine);
    ok(!(textOf(engine, lake(SERVED))?.setup ?? '').includes('TOKEN'), engine);
  }
});

test('a server with several catalogs is told which one, and its name is no name of SQL', () => {
  const name = 'arn:aws:it:is/a-shop';
  for (const engine of ENGINES) {
    const lake = engine === 'chdb' ? folder : bucket;
    const text = textOf(engine, lake({ ...SERVED, warehouse: name }));
    match(text?.setup ?? '', new RegExp(name), engine);
    ok(!(text?.read ?? '').includes('arn:'), engine);
    ok(!/(?:AS|CATALOG|DATABASE) arn:/.test(text?.setup ?? ''), engine);
    ok(!(textOf(engine, lake(SERVED))?.setup ?? '').includes('arn:'), engine);
  }
});

test('quotes in a path end no literal', () => {
  match(engineText('duckdb', folder(FILE)).setup, /ATTACH '\/data\/it''s\/catalog.db' AS/);
  match(engineText('flink', folder(FILE)).setup, /'jdbc:sqlite:\/data\/it''s\/catalog.db'/);
  match(engineText('pyiceberg', folder(FILE)).setup, /"sqlite:\/\/\/\/data\/it's\/catalog.db"/);
});

test('an unknown engine is not one', () => {
  ok(!isEngineName('toString'));
  throws(() => engineText('trino', folder(FILE)), /Trino cannot open a SQLite catalog/);
});
