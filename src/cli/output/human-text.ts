/** Numbers, times and sizes as people read them; the same on every machine, in English. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en-US', {
  maximumFractionDigits: 1,
  minimumFractionDigits: 1,
});

/** `12,345` */
export function formatCount(count: number | bigint): string {
  return grouped.format(count);
}

/** `1 row`, `12,345 rows` */
export function formatAmount(count: number, word: string): string {
  return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** `80 ms`, `2.5 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h` */
export function formatElapsed(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9950) return `${oneDigit.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `512 B`, `1.5 KiB`, `12.3 MiB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let amount = bytes;
  let unit = 0;
  while (amount >= 1000 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? formatCount(amount) : oneDigit.format(amount)} ${units[unit] ?? ''}`;
}

/** `14:03:59` in the machine's time zone. */
export function formatTimeOfDay(ms: number): string {
  const date = new Date(ms);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `3 s ago`, `just now` */
export function formatAgo(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  return ms < 1000 ? 'just now' : `${formatElapsed(Math.floor(ms / 1000) * 1000)} ago`;
}
