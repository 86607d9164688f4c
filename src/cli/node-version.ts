/** The check of the Node version: first thing in the program, before anything newer is used. */

/** The Node major this program is written for and tested on, and the lowest it runs on. */
const NODE_MAJOR_MIN = 24;

/** Why `version` (as in `process.version`) cannot run Firn, or `null` when it can. */
export function nodeVersionProblem(version: string): string | null {
  const major = Number.parseInt(version.replace(/^v/, ''), 10);
  if (major >= NODE_MAJOR_MIN) return null;
  return `firn needs Node ${NODE_MAJOR_MIN} or newer, this is ${version}`;
}
