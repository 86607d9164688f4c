/** Reading in the simulated engine: whole tables, live tables, and the comparison with a source. */
import { FirnError } from '../../src/kernel/firn-error.ts';
import { compareMarks } from '../../src/model/change-sequence.ts';
import type { SequenceMark } from '../../src/model/change-sequence.ts';
import { keyColumns } from '../../src/model/table-schema.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type {
  ComparisonResult,
  LiveTable,
  QueryTable,
  QuerySession,
  RowEngine,
} from '../../src/ports/row-engine.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { findWinners, rowKey } from './file-merge.ts';
import { textRows } from './row-cells.ts';
import { readLiveRows } from './row-files.ts';
import type { NamedRow, RowFileContext } from './row-files.ts';

type QueryRequest = Parameters<RowEngine['openQuery']>[0];
type CompareRequest = Parameters<RowEngine['compare']>[0];

/** Takes `SELECT * FROM "namespace"."table"` and nothing else. */
export async function openFileQuery(
  context: RowFileContext,
  request: QueryRequest,
): Promise<QuerySession> {
  return {
    async run(sql) {
      const name = /^SELECT \* FROM "([^"]+)"\."([^"]+)"$/.exec(sql);
      const isNamed = (table: { readonly namespace: string; readonly name: string }): boolean =>
        table.namespace === name?.[1] && table.name === name[2];
      const live = request.live.find(isNamed);
      const table = live?.base ?? request.tables.find(isNamed);
      if (table === undefined) throw new FirnError('QUERY-NOT-SELECT', { what: sql });
      const { fields } = table.icebergSchema;
      const rows =
        live === undefined ? await rowsOf(context, table) : await liveRows(context, live);
      const answer = rows.map((row): TextRow => fields.map(({ name }) => row[name] ?? null));
      return {
        columns: fields.map(({ name, type }) => ({ name, type: type.kind })),
        rows: (async function* () {
          yield answer;
        })(),
      };
    },
    async close() {
      // Nothing is held.
    },
  };
}

async function rowsOf(context: RowFileContext, table: QueryTable): Promise<readonly NamedRow[]> {
  const rows: NamedRow[] = [];
  for (const scan of table.files) {
    for (const { row } of await readLiveRows(context, scan)) rows.push(row);
  }
  return rows;
}

async function liveRows(context: RowFileContext, live: LiveTable): Promise<readonly NamedRow[]> {
  const { schema, rules } = live;
  const { byKey, truncated } = await findWinners(context, {
    schema,
    rules,
    window: live.ledger.files,
    older: () => Promise.resolve([]),
  });
  const base = truncated ? [] : await rowsOf(context, live.base);
  const kept = base.filter((row) => !byKey.has(rowKey(schema, row)));
  const changed = [...byKey.values()].filter(({ op }) => op !== 'd');
  return [...kept, ...changed.map(({ values }) => values)];
}

/** Compares rows of the source with a base; the ledger explains what lies between the two marks. */
export async function compareFiles(
  context: RowFileContext,
  request: CompareRequest,
): Promise<ComparisonResult> {
  const { schema } = request;
  const text = (row: NamedRow): string =>
    JSON.stringify(schema.columns.map(({ name }) => row[name] ?? null));
  const source = new Map<string, NamedRow>();
  for await (const batch of request.source) {
    for (const values of textRows(batch)) {
      const row = named(schema, values);
      source.set(rowKey(schema, row), row);
    }
  }
  const base = new Map(
    (await rowsOf(context, request.base)).map((row) => [rowKey(schema, row), row]),
  );
  const states = await statesBetween(context, request);
  let settled = 0;
  const differences: ComparisonResult['differences'][number][] = [];
  for (const key of new Set([...source.keys(), ...base.keys()])) {
    const [left, right] = [source.get(key), base.get(key)];
    if (left !== undefined && right !== undefined && text(left) === text(right)) continue;
    const explained = states.some((stateOf) => {
      const said = stateOf(key);
      return said !== 'unchanged' && same(left, said, text);
    });
    if (explained) settled += 1;
    else differences.push(difference({ schema, left, right }));
  }
  return {
    sourceRows: source.size,
    baseRows: base.size,
    settled,
    differences: differences.slice(0, request.differencesMax),
    differencesTotal: differences.length,
  };
}

/** What a key has at one point of the log, where it is not what the base has. */
type StateOf = (key: string) => NamedRow | undefined | 'unchanged';

/** The states of every point of the log that the source may have been read at, one by one. */
async function statesBetween(
  context: RowFileContext,
  { schema, ledger, sourceMarks, baseWatermark }: CompareRequest,
): Promise<readonly StateOf[]> {
  const { low, high } = sourceMarks;
  const points = [low];
  for (const scan of ledger.files) {
    for (const { row } of await readLiveRows(context, scan)) {
      const mark = { epoch: Number(row['_firn_epoch']), seq: BigInt(row['_firn_seq'] ?? 0) };
      if (compareMarks(mark, low) > 0 && compareMarks(mark, high) <= 0) points.push(mark);
    }
  }
  const winners = (from: SequenceMark | null, to: SequenceMark): ReturnType<typeof findWinners> =>
    findWinners(context, {
      schema,
      rules: { from, to, rereadsAfter: -1n },
      window: ledger.files,
      older: () => Promise.resolve([]),
    });
  const states: StateOf[] = [];
  for (const point of points) {
    const isAhead = baseWatermark !== null && compareMarks(baseWatermark, point) > 0;
    const known = await winners(isAhead ? null : baseWatermark, point);
    const since = isAhead ? await winners(point, baseWatermark) : known;
    states.push((key) => {
      if (!since.truncated && !since.byKey.has(key)) return 'unchanged';
      const change = known.byKey.get(key);
      if (change === undefined) return known.truncated ? undefined : 'unchanged';
      return change.op === 'd' ? undefined : change.values;
    });
  }
  return states;
}

function named(schema: TableSchema, values: TextRow): NamedRow {
  return Object.fromEntries(schema.columns.map(({ name }, index) => [name, values[index] ?? null]));
}

function same(
  left: NamedRow | undefined,
  right: NamedRow | undefined,
  text: (row: NamedRow) => string,
): boolean {
  if (left === undefined || right === undefined) return left === right;
  return text(left) === text(right);
}

function difference(pair: {
  readonly schema: TableSchema;
  readonly left: NamedRow | undefined;
  readonly right: NamedRow | undefined;
}): ComparisonResult['differences'][number] {
  const { schema, left, right } = pair;
  const row = left ?? right ?? {};
  return {
    key: keyColumns(schema).map(({ name }) => row[name] ?? ''),
    kind:
      left === undefined
        ? 'missing-in-source'
        : right === undefined
          ? 'missing-in-base'
          : 'different',
    columns: schema.columns
      .filter(({ name }) => left?.[name] !== right?.[name])
      .map(({ name }) => name),
  };
}
