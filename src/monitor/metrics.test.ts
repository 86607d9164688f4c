/** Every declared metric is rendered with its help, and a dropped table leaves no series behind. */
import { match, doesNotMatch, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { METRIC_DECLARATIONS } from './metric-declarations.ts';
import { createMetrics } from './metrics.ts';

test('every declared metric is there under its name and kind', async () => {
  const text = await createMetrics().render();
  for (const [name, declaration] of Object.entries(METRIC_DECLARATIONS)) {
    ok(
      text.includes(`# HELP ${name} ${declaration.help}\n# TYPE ${name} ${declaration.kind}`),
      name,
    );
  }
});

test('names follow the conventions', () => {
  for (const [name, declaration] of Object.entries(METRIC_DECLARATIONS)) {
    match(name, /^firn_[a-z_]+$/);
    ok(name.endsWith('_total') === (declaration.kind === 'counter'), name);
    if (declaration.kind === 'histogram') ok(name.endsWith(`_${declaration.unit}`), name);
  }
});

test('a forgotten table is gone from the text', async () => {
  const metrics = createMetrics();
  metrics.add('firn_ledger_rows_total', { table: 'shop.orders' }, 3);
  metrics.observe('firn_merge_seconds', { table: 'shop.orders' }, 0.2);
  metrics.set('firn_base_files', { table: 'shop.orders', content: 'data' }, 4);
  match(await metrics.render(), /firn_ledger_rows_total\{table="shop.orders"\} 3/);
  metrics.forgetTable('shop.orders');
  doesNotMatch(await metrics.render(), /shop\.orders/);
});
