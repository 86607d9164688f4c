/**
 * Whether the log of the database still is the one that the places in the topics are of. That the
 * database no longer keeps an old part of it does not matter here: the topics have it.
 */
import type { ChangeSource } from '../../ports/source.ts';

/** Why the history is another one, as a sentence; `null`: it is the same. */
export async function otherHistory(
  database: ChangeSource,
  { sourceId, token }: { readonly sourceId: string; readonly token: string },
): Promise<string | null> {
  const verdict = await database.verifyPosition({ sourceId, partition: 'main', token });
  switch (verdict.kind) {
    case 'valid':
      return null;
    case 'renumbered':
      return `${verdict.reason} The topics have places of both.`;
    default:
      return verdict.isPurged === true ? null : verdict.reason;
  }
}
