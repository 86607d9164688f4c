/** What other tests fetch by project files of their own is of the versions of the table. */
import { equal, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { VERSIONS } from './version-table.ts';

const { spark, flink, iceberg, hadoop } = VERSIONS;
const PROJECTS = { spark, flink, iceberg, hadoop };

test('readers of other engines are those of the development cluster', () => {
  for (const name of ['spark', 'flink']) {
    const pom = readFileSync(`test/engines/matrix/${name}-pom.xml`, 'utf8');
    const found = pom.matchAll(
      /<groupId>org\.apache\.(\w+)<\/groupId>\s*<artifactId>(.+)<\/artifactId>\s*<version>(.+)<\//g,
    );
    const ours = [...found].filter(([, project = '']) => Object.hasOwn(PROJECTS, project));
    ok(ours.length >= 3, name);
    for (const [, project, artifact, version] of ours) {
      const wanted = Object.entries(PROJECTS).find(([known]) => known === project);
      equal(version, wanted?.[1], artifact);
    }
  }
});
