/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const bootstrap: Command = async () => 0;
