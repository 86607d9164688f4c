/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const query: Command = async () => 0;
