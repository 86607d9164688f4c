/** SIGINT and SIGTERM: the first asks for a clean end, the second ends at once. */
import process from 'node:process';
import { EXIT } from './exit-code.ts';

/** A signal that aborts when the process is asked to end; `told` is called at that moment. */
export function abortOnSignals(told: () => void): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
    told();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}
