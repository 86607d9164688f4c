/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const status: Command = async () => 0;
