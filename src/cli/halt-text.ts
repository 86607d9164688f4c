/** A halt as an answer of the owner carries it. */

/** Why a table is or was halted, as far as people need it. */
export interface HaltText {
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
}

/** The halt under `key` of an answer, or `null`. Answers come over a socket: they are looked at. */
export function haltIn(answer: unknown, key: string): HaltText | null {
  const halt = fieldOf(answer, key);
  const text = (name: string): string => {
    const value = fieldOf(halt, name);
    return typeof value === 'string' ? value : '';
  };
  const code = text('code');
  return code === '' ? null : { code, what: text('what'), remedy: text('remedy') };
}

function fieldOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}
