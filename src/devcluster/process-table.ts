/**
 * What Linux says of processes and ports (proc(5)): who listens, since when a process lives, what
 * was put into its environment. The number of a process alone proves nothing, it is given again;
 * number, start and boot together do.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A process for as long as the machine runs. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to its start, as digits. */
  readonly startTicks: string;
  /** Of the boot. */
  readonly bootId: string;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Gone meanwhile, or somebody else's: not known, which the callers take as such.
    return null;
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // As above.
    return [];
  }
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** The process of that number, or `null` when there is none that still runs. */
export function identityOf(pid: number): ProcessIdentity | null {
  const text = read(`/proc/${pid}/stat`);
  // The name, in brackets, may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state] = fields;
  const startTicks = fields[19];
  // A zombie waits for its parent: it holds nothing any more.
  if (state === undefined || startTicks === undefined || state === 'Z' || state === 'X') {
    return null;
  }
  return { pid, startTicks, bootId: bootId() };
}

/** Whether the very same process still runs. */
export function isRunning(known: ProcessIdentity): boolean {
  const found = identityOf(known.pid);
  return found?.startTicks === known.startTicks && found.bootId === known.bootId;
}

/** Memory of a process that is in RAM, bytes; `null` when it is gone. */
export function residentBytes(pid: number): number | null {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return kib === undefined ? null : Number.parseInt(kib, 10) * 1024;
}

/** First words of a process's command line, for messages. */
export function commandOf(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? '').split('\0').slice(0, 1).join(' ').slice(0, 80);
}

/** Inodes of the sockets that listen at a port, on whatever address. */
function listeningInodes(port: number): ReadonlySet<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (read(file) ?? '').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A: listens.
      if (fields[3] !== '0A' || fields[1]?.split(':')[1] !== wanted) continue;
      inodes.add(fields[9] ?? '');
    }
  }
  return inodes;
}

function holdsAny(pid: number, inodes: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  return names(folder).some((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, name)))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      // Closed meanwhile.
      return false;
    }
  });
}

/** Whether that process listens at the port: that something does proves nothing. */
export function listensAt(pid: number, port: number): boolean {
  const inodes = listeningInodes(port);
  return inodes.size > 0 && holdsAny(pid, inodes);
}

/** Numbers of the processes that this user may look into. */
function processNumbers(): readonly number[] {
  return names('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number.parseInt(name, 10)] : []));
}

/** Who listens at a port; `pid` is `null` where it is another user's. `null`: nobody. */
export function listenerAt(port: number): { readonly pid: number | null } | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  return { pid: processNumbers().find((pid) => holdsAny(pid, inodes)) ?? null };
}

/** Values of a variable in the environments of this user's processes, by process. */
export function processesWith(variable: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const pid of processNumbers()) {
    const text = read(`/proc/${pid}/environ`);
    const start = `${variable}=`;
    const line = text?.split('\0').find((pair) => pair.startsWith(start));
    if (line !== undefined && identityOf(pid) !== null) found.set(line.slice(start.length), pid);
  }
  return found;
}
