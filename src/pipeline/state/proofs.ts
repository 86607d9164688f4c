/** The last proof of each table, kept for the status. Losing it loses nothing but that line. */
import { isFirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { ProofStatus, StatusDocument } from '../../monitor/status-document.ts';
import type { VerifyReport } from '../view/verify-tables.ts';
import type { StateFolder } from './state-folder.ts';

type Proofs = ReadonlyMap<string, ProofStatus>;

/** A status with the last proof of each table. */
export async function withProofs(
  state: StateFolder,
  status: StatusDocument,
): Promise<StatusDocument> {
  const proofs = await readProofs(state);
  const tables = status.tables.map((table) => ({
    ...table,
    lastVerify: proofs.get(table.table) ?? table.lastVerify,
  }));
  return { ...status, tables };
}

/** Keeps what a proof found; a lake that cannot be written to is proved all the same. */
export async function rememberProofs(
  state: StateFolder,
  report: VerifyReport,
  nowMs: number,
): Promise<void> {
  const proofs = new Map(await readProofs(state));
  for (const proof of report.tables) {
    if (proof.kind !== 'compared') continue;
    const { equal, result } = proof;
    const { sourceRows: rows, differencesTotal: differences } = result;
    proofs.set(proof.table, { atMs: Math.trunc(nowMs), equal, rows, differences });
  }
  const tables = Object.fromEntries(proofs);
  try {
    await state.write('proofs.json', `${JSON.stringify({ version: 1, tables }, null, 1)}\n`);
  } catch (error) {
    if (!isFirnError(error)) throw error;
  }
}

async function readProofs(state: StateFolder): Promise<Proofs> {
  const text = await state.read('proofs.json');
  if (text === null) return new Map();
  try {
    // Written by `rememberProofs` only.
    const value = parseJson(text) as { readonly tables?: Readonly<Record<string, ProofStatus>> };
    return new Map(Object.entries(value.tables ?? {}));
  } catch {
    // Damaged: the next proof writes it anew.
    return new Map();
  }
}
