/** Pipeline names made from what users already have: a database's name or a file's. */

/**
 * `text` reduced to `[a-z0-9_]`, at most 64 letters: accents are taken off, every other run of
 * characters becomes one `_`. Never empty: `pipeline` when nothing is left.
 */
export function pipelineNameFrom(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const name = plain
    .replaceAll(/[^a-z0-9_]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 64);
  return name === '' ? 'pipeline' : name;
}
