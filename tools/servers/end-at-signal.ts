/** Servers that a lane has started: when it is told to end, all of them are ended before it. */

const ends = new Set<() => Promise<void>>();
let isListening = false;

function onSignal(): void {
  void Promise.allSettled([...ends].map((end) => end())).finally(() => process.exit(1));
}

/** Has `end` called at SIGINT and SIGTERM, beside what else was given here. */
export function endAtSignal(end: () => Promise<void>): void {
  ends.add(end);
  if (isListening) return;
  isListening = true;
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
}
