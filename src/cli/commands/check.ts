/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const check: Command = async () => 0;
