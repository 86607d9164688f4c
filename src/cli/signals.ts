/** SIGINT and SIGTERM: the first asks for a clean end, the second ends at once. */
import process from 'node:process';

/**
 * Leaves by the default action of SIGINT, which a shell reports as 130. `process.exit` would wait
 * for whatever DuckDB is computing in a thread of its own.
 */
function endAtOnce(): void {
  process.removeAllListeners('SIGINT');
  process.kill(process.pid, 'SIGINT');
}

/** A signal that aborts when the process is asked to end; `told` is called at that moment. */
export function abortOnSignals(told: () => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) endAtOnce();
    controller.abort();
    told();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}
