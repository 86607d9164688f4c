/**
 * The list of throw-away branches that are ours (docs/spec/bootstrap.md B12): a branch is listed
 * before it is made and taken off once it is gone, so cleaning up never takes one that a running
 * process still writes.
 */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { StateFolder } from './state-folder.ts';

/** The last change of each list: the tasks of a run change one list, each with what it read. */
const turns = new WeakMap<StateFolder, Promise<void>>();

function inTurn(state: StateFolder, change: () => Promise<void>): Promise<void> {
  const turn = (turns.get(state) ?? Promise.resolve()).then(change, change);
  turns.set(state, turn);
  return turn;
}

/** Lists branches as ours. */
export async function ownBranches(state: StateFolder, branches: readonly string[]): Promise<void> {
  await inTurn(state, async () => {
    await writeBranches(state, [...(await ownedBranches(state)), ...branches]);
  });
}

/** Takes branches off the list. */
export async function disownBranches(
  state: StateFolder,
  gone: (branch: string) => boolean,
): Promise<void> {
  await inTurn(state, async () => {
    const branches = [...(await ownedBranches(state))];
    const kept = branches.filter((branch) => !gone(branch));
    if (kept.length < branches.length) await writeBranches(state, kept);
  });
}

/** Names of all listed branches. */
export async function ownedBranches(state: StateFolder): Promise<ReadonlySet<string>> {
  const text = await state.read('branches.json');
  if (text === null) return new Set();
  // Written below only.
  const value = parseJson(text) as { readonly branches?: readonly string[] };
  return new Set(value.branches ?? []);
}

async function writeBranches(state: StateFolder, branches: readonly string[]): Promise<void> {
  await state.write('branches.json', `${JSON.stringify({ version: 1, branches }, null, 1)}\n`);
}
