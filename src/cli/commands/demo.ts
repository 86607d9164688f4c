/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const demo: Command = async () => 0;
