/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const merge: Command = async () => 0;
