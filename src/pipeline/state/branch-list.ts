/**
 * The list of throw-away branches that are ours (docs/spec/bootstrap.md B12): a branch is listed
 * before it is made, so cleaning up never takes one that a running process still writes.
 */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { StateFolder } from './state-folder.ts';

/** Branches listed at most; older ones were published or dropped long ago. */
const BRANCHES_MAX = 1000;

/** Lists a branch as ours. */
export async function ownBranch(state: StateFolder, branch: string): Promise<void> {
  const branches = [...(await ownedBranches(state)), branch].slice(-BRANCHES_MAX);
  await state.write('branches.json', `${JSON.stringify({ version: 1, branches }, null, 1)}\n`);
}

/** Names of all listed branches. */
export async function ownedBranches(state: StateFolder): Promise<ReadonlySet<string>> {
  const text = await state.read('branches.json');
  if (text === null) return new Set();
  // Written by `ownBranch` only.
  const value = parseJson(text) as { readonly branches?: readonly string[] };
  return new Set(value.branches ?? []);
}
