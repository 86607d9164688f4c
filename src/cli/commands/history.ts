/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const history: Command = async () => 0;
