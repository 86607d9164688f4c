/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const tail: Command = async () => 0;
