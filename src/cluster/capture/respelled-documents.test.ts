/** Whose documents `verify` compares as values. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { parsePipelineFile } from '../../config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { respelledDocuments } from './respelled-documents.ts';

const SCHEMA: TableSchema = {
  table: { namespace: 'shop', table: 'orders' },
  version: 1,
  columns: ['int', 'json', 'longtext character set utf8mb4'].map((sourceType, index) => {
    const name = `c${index}`;
    return { id: index + 1, name, sourceName: name, sourceType, type: { kind: 'string' } };
  }),
  keyColumnIds: [1],
};

const MYSQL = 'source: {type: mysql, host: h, user: u, tls: off}';
const SQLITE = 'source: {type: sqlite, path: ./app.db}';

function config(source: string, engine: 'embedded' | 'cluster'): PipelineConfig {
  const cluster = `engine: ${engine}
cluster:
  kafka: {bootstrapServers: "k:9092"}
  connect: {url: "http://c:8083"}
  flink: {gateway: "http://g:8083", jobManager: "http://j:8081"}
  spark: {address: "s:15002", tls: off}
`;
  const file = `name: shop\n${source}\ntables: [a.b]\nlake: {warehouse: ./lake}\n${cluster}`;
  return parsePipelineFile(file, '/shop/firn.yaml');
}

test('JSON of MySQL that came through Debezium, and nothing else', () => {
  deepEqual(respelledDocuments(config(MYSQL, 'cluster'), SCHEMA), ['c1']);
  deepEqual(respelledDocuments(config(MYSQL, 'embedded'), SCHEMA), []);
  deepEqual(respelledDocuments(config(SQLITE, 'cluster'), SCHEMA), []);
  const topics = `source:
  type: debezium
  kafka: {bootstrapServers: "k:9092", tls: off}
  connect: {url: "http://c:8083", connector: x}
  database: {host: h, user: u, tls: off}`;
  deepEqual(respelledDocuments(config(topics, 'embedded'), SCHEMA), ['c1']);
});
