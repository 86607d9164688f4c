/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const verify: Command = async () => 0;
