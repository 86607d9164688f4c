/**
 * A merge as one file of statements for `spark-submit`, for platforms without Spark Connect: an
 * operator puts the values in and runs it. Nobody looks at answers in between, so what Firn would
 * decide by an answer stops the file instead, before anything is written: a truncate, a late row, a
 * conflict. The base is moved by the last statements, when every changed key is as it should be.
 */
import type { MergeRun } from './merge-run.ts';
import { isRead } from './merge-run.ts';
import { changesView, checkQuery, conflictsQuery, mergeStatement } from './merge-job.ts';
import { ledgerAt } from './merge-subject.ts';
import type { MergeSubject } from './merge-subject.ts';
import { atOrBelowMark, sparkName, sparkPath, sparkText } from './spark-text.ts';

/** The statements of a merge after its settings, in order. `seenSnapshot`: of the last merge. */
export function submittedMerge(
  subject: MergeSubject,
  run: MergeRun,
  seenSnapshot: bigint | string,
): readonly string[] {
  const { catalogName, base, ledger } = subject;
  const table = sparkPath(catalogName, base.namespace, base.name);
  const files = sparkPath(catalogName, ledger.namespace, ledger.name);
  const range = `\`start-snapshot-id\` = '${seenSnapshot}', \`end-snapshot-id\` = '${run.ledgerSnapshot}'`;
  return [
    holds(
      "count_if(`_firn_op` = 't') = 0",
      'a truncate is in the window',
      `${ledgerAt(subject, run.ledgerSnapshot)}\nWHERE ${isRead(run)}`,
    ),
    holds(
      'count(*) = 0',
      'rows came late',
      `${files} WITH (${range})\nWHERE ${atOrBelowMark(run.from)}`,
    ),
    holds(
      'count(*) = 0',
      'two changes of one identity differ',
      `(\n${conflictsQuery(subject, run)}\n)`,
    ),
    changesView(subject, run),
    `ALTER TABLE ${table} CREATE BRANCH ${sparkName(run.branch)}`,
    mergeStatement(subject, run),
    holds(
      'coalesce(sum(wrong), 0) = 0',
      'a changed key is wrong',
      `(\n${checkQuery(subject, run, null)}\n)`,
    ),
    `CALL ${sparkName(catalogName)}.system.fast_forward(
  table => ${sparkText(sparkPath(base.namespace, base.name))},
  branch => 'main',
  to => ${sparkText(run.branch)}
)`,
    `ALTER TABLE ${table} DROP BRANCH ${sparkName(run.branch)}`,
  ];
}

/** A query that fails unless a condition on the rows of `relation` is true. */
function holds(condition: string, otherwise: string, relation: string): string {
  return `SELECT assert_true(${condition}, ${sparkText(otherwise)}) AS holds\nFROM ${relation}`;
}

/** The command; its argument is the file. */
export const SUBMIT_COMMAND = `#!/bin/sh
# Runs a file of statements where there is no Spark Connect: ./submit.sh FOLDER/submit.sql
# SPARK_SUBMIT and SPARK_OPTIONS say how; without options Iceberg is fetched by spark-submit.
set -eu
exec \${SPARK_SUBMIT:-spark-submit} \\
  \${SPARK_OPTIONS:---packages org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:1.11.0} \\
  --conf spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions \\
  "$(dirname "$0")/run_sql.py" "$1"
`;

/** The program that it submits. */
export const SUBMIT_PROGRAM = `"""Runs the statements of a file, one after the other; the first that fails ends it."""
import re
import sys

from pyspark.sql import SparkSession

text = open(sys.argv[1], encoding="utf-8").read()
if "{{" in re.sub("\`[^\`]*\`", "", text):
    sys.exit("put in the values in {{...}} first")
spark = SparkSession.builder.getOrCreate()
for statement in text.split(";\\n"):
    lines = [line for line in statement.split("\\n") if not line.startswith("-- ")]
    sql = "\\n".join(lines).strip()
    if sql:
        print(sql.split("\\n")[0], flush=True)
        spark.sql(sql).show(truncate=False)
spark.stop()
`;
