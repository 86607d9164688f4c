/** Stub. */
import type { Command } from '../command.ts';

/** Stub. */
export const resume: Command = async () => 0;
