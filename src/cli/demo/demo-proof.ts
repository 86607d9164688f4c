/** The end of the demo's story: the proof, one order's history, two queries. */
import type { LakeReader } from '../../pipeline/view/lake-reader.ts';
import type { PipelineService } from '../../pipeline/pipeline-service.ts';
import type { VerifyReport } from '../../pipeline/view/verify-tables.ts';
import { formatCount } from '../output/human-text.ts';
import { historyView } from '../output/history-view.ts';
import type { Terminal } from '../output/terminal.ts';
import type { StoryTeller } from './story-teller.ts';

const QUERIES = [
  {
    title: 'Ask the copy: base tables, joined',
    sql: [
      'SELECT o.state, count(DISTINCT o.id) AS orders, sum(l.quantity) AS articles,',
      '       CAST(sum(l.quantity * l.price) AS BIGINT) AS value',
      'FROM orders o JOIN order_lines l ON l.order_id = o.id',
      'GROUP BY o.state ORDER BY orders DESC',
    ],
  },
  {
    title: 'Ask what happened: ledger tables keep every change',
    sql: [
      'SELECT _firn_op AS op, count(*) AS changes, count(DISTINCT id) AS orders,',
      '       count(gift_note) AS gift_notes',
      'FROM orders_ledger GROUP BY op ORDER BY changes DESC',
    ],
  },
] as const;

/** An order that was placed while Firn looked, and went through much. */
const BUSIEST_ORDER = `SELECT id FROM orders_ledger GROUP BY id
  ORDER BY count(*) FILTER (_firn_op = 'c') DESC, count(DISTINCT state) DESC, count(gift_note) DESC,
    least(count(*), 6) DESC, id LIMIT 1`;

/** Compares every table with the shop and tells the counts. */
export async function tellProof(
  service: PipelineService,
  story: StoryTeller,
  terminal: Terminal,
): Promise<VerifyReport> {
  story.headline('firn verify: does the lake hold exactly what the shop holds?');
  const report = await service.verify({ table: null, repair: false });
  for (const proof of report.tables) {
    const name = proof.table.replace(/^.*\./, '').padEnd(12);
    if (proof.kind !== 'compared') {
      story.detail(`${name} not compared: ${proof.reason}`);
      continue;
    }
    const { sourceRows, baseRows, differencesTotal } = proof.result;
    const inShop = `${formatCount(sourceRows).padStart(7)} rows in the shop`;
    const rows = `${inShop}, ${formatCount(baseRows).padStart(7)} in the lake`;
    const verdict = proof.equal
      ? terminal.paint('good', 'equal')
      : terminal.paint('bad', `${formatCount(differencesTotal)} keys differ`);
    story.detail(`${name} ${rows}: ${verdict}`);
  }
  return report;
}

/** Shows one order's history and two queries. */
export async function tellQueries(service: PipelineService, story: StoryTeller): Promise<void> {
  const reader = await service.reader();
  const id = await busiestOrder(reader);
  story.headline(`firn history firn-demo orders ${id}: one order, change by change`);
  const { answer, session } = await reader.history('orders', [id]);
  try {
    await story.table(historyView(answer), ['change', 'at', 'state', 'total', 'gift_note']);
  } finally {
    await session.close();
  }
  for (const { title, sql } of QUERIES) {
    story.headline(title);
    for (const line of sql) story.detail(line);
    story.detail('');
    const asked = await reader.query(sql.join('\n'));
    try {
      await story.table(asked.answer);
    } finally {
      await asked.session.close();
    }
  }
}

async function busiestOrder(reader: LakeReader): Promise<string> {
  const { answer, session } = await reader.query(BUSIEST_ORDER);
  let id = '1';
  try {
    for await (const rows of answer.rows) id = rows[0]?.[0] ?? id;
  } finally {
    await session.close();
  }
  return id;
}
