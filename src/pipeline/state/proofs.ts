/** The last proof of each table, kept for the status. Losing it loses nothing but that line. */
import { isFirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { ProofStatus } from '../../monitor/status-document.ts';
import type { StateFolder } from './state-folder.ts';

/** Proofs by table name. */
export type Proofs = ReadonlyMap<string, ProofStatus>;

/** The stored proofs; none when there are none or they cannot be read. */
export async function readProofs(state: StateFolder): Promise<Proofs> {
  const text = await state.read('proofs.json');
  if (text === null) return new Map();
  try {
    // Written by `storeProofs` only.
    const value = parseJson(text) as { readonly tables?: Readonly<Record<string, ProofStatus>> };
    return new Map(Object.entries(value.tables ?? {}));
  } catch {
    // Damaged: the next proof writes it anew.
    return new Map();
  }
}

/** Adds proofs to those stored; a lake that cannot be written to is proved all the same. */
export async function storeProofs(state: StateFolder, proofs: Proofs): Promise<void> {
  const tables = Object.fromEntries([...(await readProofs(state)), ...proofs]);
  try {
    await state.write('proofs.json', `${JSON.stringify({ version: 1, tables }, null, 1)}\n`);
  } catch (error) {
    if (!isFirnError(error)) throw error;
  }
}
