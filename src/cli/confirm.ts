/** Asks before something is removed. */
import { FirnError } from '../kernel/firn-error.ts';
import type { CommandContext } from './command.ts';

/**
 * Whether to go on: `--yes`, or a person who says yes.
 *
 * @throws {FirnError} CONFIG-CONFIRM when there is nobody to ask
 */
export async function confirmed(
  context: CommandContext,
  question: { readonly yes: boolean; readonly text: string },
): Promise<boolean> {
  if (question.yes) return true;
  const answer = await context.ask(`${question.text} [y/N] `);
  if (answer === null) throw new FirnError('CONFIG-CONFIRM', { what: 'nothing was changed' });
  return /^y(?:es)?$/i.test(answer.trim());
}
