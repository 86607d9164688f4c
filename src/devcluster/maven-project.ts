/** The project file with which Maven fetches a set of jars. Nothing is compiled. */
import type { Jar, JarSet } from './version-table.ts';

const PLUGIN = '3.8.1';

/** Where the jars of a set lie in its folder. */
export const JARS_FOLDER = 'jars';
/** Where its connectors lie. */
export const CONNECTORS_FOLDER = 'connectors';

function element(name: string, text: string): string {
  return `<${name}>${text}</${name}>`;
}

function coordinates(name: string, version: string): string {
  const [group = '', artifact = ''] = name.split(':');
  return element('groupId', group) + element('artifactId', artifact) + element('version', version);
}

function dependency({ name, version, alone }: Jar): string {
  const all = element('groupId', '*') + element('artifactId', '*');
  const without = alone === true ? element('exclusions', element('exclusion', all)) : '';
  return `    ${element('dependency', coordinates(name, version) + without)}`;
}

function execution(goal: string, configuration: string): string {
  const goals = element('phase', 'package') + element('goals', element('goal', goal));
  const parts = element('id', goal) + goals + element('configuration', configuration);
  return `          ${element('execution', parts)}`;
}

/**
 * The text of `pom.xml`; `mvn package` beside it makes the folders `jars` and, where there are any,
 * `connectors`. Equal sets give equal texts.
 */
export function mavenProject({ name, jars, connectors }: JarSet): string {
  const base = '${project.basedir}';
  const copy =
    element('outputDirectory', `${base}/${JARS_FOLDER}`) + element('includeScope', 'runtime');
  const archives = connectors.map((connector) => {
    const kind = element('classifier', 'plugin') + element('type', 'tar.gz');
    return element('artifactItem', coordinates(connector.name, connector.version) + kind);
  });
  const unpack =
    element('outputDirectory', `${base}/${CONNECTORS_FOLDER}`) +
    element('artifactItems', archives.join(''));
  const executions = [
    execution('copy-dependencies', copy),
    ...(archives.length === 0 ? [] : [execution('unpack', unpack)]),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  ${coordinates(`firn.devcluster:${name}`, '1')}
  <packaging>pom</packaging>
  <dependencies>
${jars.map(dependency).join('\n')}
  </dependencies>
  <build>
    <plugins>
      <plugin>
        ${coordinates('org.apache.maven.plugins:maven-dependency-plugin', PLUGIN)}
        <executions>
${executions.join('\n')}
        </executions>
      </plugin>
    </plugins>
  </build>
</project>
`;
}
