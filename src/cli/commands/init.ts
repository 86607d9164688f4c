/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const init: Command = async () => 0;
