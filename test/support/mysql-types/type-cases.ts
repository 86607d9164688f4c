/** Every case of a type, for tests of the value layer and of the whole pipeline. */
import type { MysqlFlavour } from '../../../src/mysql/mysql-column.ts';
import { BYTE_CASES, JSON_CASES } from './byte-cases.ts';
import { NUMBER_CASES } from './number-cases.ts';
import { TEXT_CASES } from './text-cases.ts';
import { TIME_CASES } from './time-cases.ts';
import type { TypeCase } from './type-case.ts';

/** The cases that a server has; names are unique. */
export function typeCasesOf(flavour: MysqlFlavour): readonly TypeCase[] {
  const cases = [NUMBER_CASES, TIME_CASES, TEXT_CASES, BYTE_CASES, JSON_CASES].flat();
  return cases.filter(({ only }) => only === undefined || only === flavour);
}
