/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const types: Command = async () => 0;
