/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const maintain: Command = async () => 0;
