/** The project keeps its own rules. The tables and budgets are in `test/repository/`. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { banViolations } from './repository/bans.ts';
import { budgetViolations } from './repository/budgets.ts';
import { citationViolations } from './repository/citations.ts';
import { deadCodeViolations } from './repository/dead-code.ts';
import { dependencyViolations, machinePathViolations } from './repository/dependencies.ts';
import { documentationViolations } from './repository/documentation.ts';
import { cycleViolations, layerViolations } from './repository/layers.ts';
import type { Project, Violation } from './repository/project.ts';
import { readProject, report } from './repository/project.ts';

const RULES: Readonly<Record<string, (project: Project) => readonly Violation[]>> = {
  'imports point down, and a driver has one home': layerViolations,
  'no import cycles': cycleViolations,
  'files, lines, folders and names keep their budgets': budgetViolations,
  'nothing forbidden is used': banViolations,
  'files and exports say what they are': documentationViolations,
  'nothing is dead': deadCodeViolations,
  'specification and tests cite each other': citationViolations,
  'dependencies are exact, explained and licensed': dependencyViolations,
  'nothing names a path of one machine': machinePathViolations,
};

const project = readProject();
for (const [name, violations] of Object.entries(RULES)) {
  test(name, () => {
    equal(report(violations(project)), '');
  });
}
