/** Findings of a reconciliation, which are about no table unless they say so. */
import type { Finding } from '../ports/source.ts';

/** Something keeps changes from coming in. */
export function error(code: string, message: string, fix: string | null = null): Finding {
  return { severity: 'error', code, table: null, message, fix };
}

/** Something was otherwise than it should be, and is mended or harmless. */
export function warning(code: string, message: string): Finding {
  return { severity: 'warning', code, table: null, message, fix: null };
}
