/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const uninstall: Command = async () => 0;
