/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const drop: Command = async () => 0;
