/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const run: Command = async () => 0;
