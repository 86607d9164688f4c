/**
 * Sets of transaction ids, of both servers behind one face. MySQL names every transaction
 * (`uuid:number`, `uuid:tag:number`) and a set is intervals; MariaDB counts per domain
 * (`domain-server-number`) and a set is the last number of each domain, everything up to it
 * included. Equal sets have equal text.
 */
import { assert } from '../kernel/assert.ts';
import type { MysqlFlavour } from './mysql-column.ts';

/** A set of transaction ids. Changed only by {@link GtidSet.add}. */
export interface GtidSet {
  readonly flavour: MysqlFlavour;
  readonly isEmpty: boolean;
  /** Canonical text: what stands in a position, readable by the server it came from. */
  format(): string;
  /** Whether one transaction is in it; a text that is no id is not. */
  contains(gtid: string): boolean;
  /** Takes one more transaction; a text that is no id is a programmer error. */
  add(gtid: string): void;
  isSubsetOf(other: GtidSet): boolean;
  union(other: GtidSet): GtidSet;
  intersect(other: GtidSet): GtidSet;
  /** What is in this one and not in `other`, for messages; of MariaDB the domains that lead. */
  subtract(other: GtidSet): GtidSet;
  copy(): GtidSet;
}

/** Numbers from `first` to `last`, both included. */
interface Interval {
  first: bigint;
  last: bigint;
}

/** The intervals of one MySQL server and tag: sorted, apart, never touching. */
interface MysqlSource {
  readonly uuid: string;
  /** Empty: no tag. */
  readonly tag: string;
  readonly intervals: readonly Readonly<Interval>[];
}

/** A set of MySQL opened up, for the binary form of the protocol. */
export type MysqlGtids = readonly MysqlSource[];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;
const INTERVAL = /^(\d{1,19})(?:-(\d{1,19}))?$/;
const MARIADB_GTID = /^(\d{1,10})-(\d{1,10})-(\d{1,20})$/;

/** The empty set of a server. */
export function emptyGtidSet(flavour: MysqlFlavour): GtidSet {
  return flavour === 'mysql' ? new MysqlGtidSet(new Map()) : new MariadbGtidSet(new Map());
}

/**
 * Reads a set as the server writes it, white space and capitals allowed, in any order.
 *
 * @returns `null` when the text is not a set of that server
 */
export function parseGtidSet(text: string, flavour: MysqlFlavour): GtidSet | null {
  const compact = text.replace(/\s+/g, '').toLowerCase();
  const parts = compact === '' ? [] : compact.split(',').filter((part) => part !== '');
  return flavour === 'mysql' ? parseMysql(parts) : parseMariadb(parts);
}

/** The intervals of a MySQL set by server and tag, in canonical order. */
export function mysqlGtids(set: GtidSet): MysqlGtids {
  assert(set instanceof MysqlGtidSet, 'a set of MySQL');
  return set.sources();
}

function parseMysql(parts: readonly string[]): GtidSet | null {
  const set = new MysqlGtidSet(new Map());
  for (const part of parts) {
    const [uuid, ...fields] = part.split(':');
    if (uuid === undefined || !UUID.test(uuid) || fields.length === 0) return null;
    let key = uuid;
    let isOpen = true;
    for (const field of fields) {
      if (TAG.test(field)) {
        // Each tag is followed by its intervals.
        if (isOpen && key !== uuid) return null;
        key = `${uuid}:${field}`;
        isOpen = true;
        continue;
      }
      const interval = parseInterval(field);
      if (interval === null) return null;
      set.addInterval(key, interval);
      isOpen = false;
    }
    if (isOpen) return null;
  }
  return set;
}

function parseInterval(text: string): Interval | null {
  const match = INTERVAL.exec(text);
  if (match === null) return null;
  const first = BigInt(match[1] ?? '');
  const last = match[2] === undefined ? first : BigInt(match[2]);
  return first >= 1n && first <= last ? { first, last } : null;
}

function parseMariadb(parts: readonly string[]): GtidSet | null {
  const set = new MariadbGtidSet(new Map());
  for (const part of parts) {
    if (!MARIADB_GTID.test(part)) return null;
    set.add(part);
  }
  return set;
}

class MysqlGtidSet implements GtidSet {
  readonly flavour = 'mysql';
  /** By `uuid` or `uuid:tag`. */
  readonly #intervals: Map<string, Interval[]>;

  constructor(intervals: Map<string, Interval[]>) {
    this.#intervals = intervals;
  }

  get isEmpty(): boolean {
    return this.#intervals.size === 0;
  }

  sources(): MysqlGtids {
    return [...this.#intervals.keys()].toSorted().map((key) => {
      const [uuid = '', tag = ''] = key.split(':');
      return { uuid, tag, intervals: this.#intervals.get(key) ?? [] };
    });
  }

  format(): string {
    const texts = this.sources().map(({ uuid, tag, intervals }) => {
      const runs = intervals.map(({ first, last }) =>
        first === last ? `${first}` : `${first}-${last}`,
      );
      return [uuid, ...(tag === '' ? [] : [tag]), ...runs].join(':');
    });
    return texts.join(',');
  }

  contains(gtid: string): boolean {
    const { key, number } = splitMysql(gtid);
    const intervals = this.#intervals.get(key) ?? [];
    return intervals.some(({ first, last }) => first <= number && number <= last);
  }

  add(gtid: string): void {
    const { key, number } = splitMysql(gtid);
    assert(number >= 1n, `${gtid} is the id of a transaction`);
    this.addInterval(key, { first: number, last: number });
  }

  addInterval(key: string, interval: Readonly<Interval>): void {
    const intervals = this.#intervals.get(key);
    if (intervals === undefined) {
      this.#intervals.set(key, [{ ...interval }]);
      return;
    }
    // Nearly always the next number of the newest run.
    const newest = intervals.at(-1);
    if (newest !== undefined && interval.first === newest.last + 1n) newest.last = interval.last;
    else this.#intervals.set(key, joined([...intervals, { ...interval }]));
  }

  isSubsetOf(other: GtidSet): boolean {
    return this.subtract(other).isEmpty;
  }

  union(other: GtidSet): GtidSet {
    const both = this.copy();
    for (const [key, intervals] of ofMysql(other).#intervals) {
      for (const interval of intervals) both.addInterval(key, interval);
    }
    return both;
  }

  intersect(other: GtidSet): GtidSet {
    return this.subtract(this.subtract(other));
  }

  subtract(other: GtidSet): GtidSet {
    const rest = new Map<string, Interval[]>();
    for (const [key, intervals] of this.#intervals) {
      const left = without(intervals, ofMysql(other).#intervals.get(key) ?? []);
      if (left.length > 0) rest.set(key, left);
    }
    return new MysqlGtidSet(rest);
  }

  copy(): MysqlGtidSet {
    const entries = [...this.#intervals].map(([key, intervals]): [string, Interval[]] => [
      key,
      intervals.map((interval) => ({ ...interval })),
    ]);
    return new MysqlGtidSet(new Map(entries));
  }
}

function ofMysql(set: GtidSet): MysqlGtidSet {
  assert(set instanceof MysqlGtidSet, 'both sets are of one kind of server');
  return set;
}

/** Number 0 is in no set. */
function splitMysql(gtid: string): { readonly key: string; readonly number: bigint } {
  const colon = gtid.lastIndexOf(':');
  const digits = gtid.slice(colon + 1);
  const number = /^\d{1,19}$/.test(digits) ? BigInt(digits) : 0n;
  return { key: gtid.slice(0, Math.max(colon, 0)).toLowerCase(), number };
}

/** The same numbers in sorted intervals that do not touch. */
function joined(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.toSorted((left, right) => (left.first < right.first ? -1 : 1));
  const out: Interval[] = [];
  for (const interval of sorted) {
    const before = out.at(-1);
    if (before === undefined || interval.first > before.last + 1n) out.push({ ...interval });
    else if (interval.last > before.last) before.last = interval.last;
  }
  return out;
}

function without(intervals: readonly Interval[], gone: readonly Interval[]): Interval[] {
  let left = intervals.map((interval) => ({ ...interval }));
  for (const hole of gone) {
    left = left.flatMap(({ first, last }) => {
      if (hole.last < first || hole.first > last) return [{ first, last }];
      const parts: Interval[] = [];
      if (first < hole.first) parts.push({ first, last: hole.first - 1n });
      if (last > hole.last) parts.push({ first: hole.last + 1n, last });
      return parts;
    });
  }
  return left;
}

interface MariadbPlace {
  /** The server that wrote it: part of the text, not of the order. */
  readonly server: string;
  readonly number: bigint;
}

class MariadbGtidSet implements GtidSet {
  readonly flavour = 'mariadb';
  /** Last transaction by domain. */
  readonly #last: Map<number, MariadbPlace>;

  constructor(last: Map<number, MariadbPlace>) {
    this.#last = last;
  }

  get isEmpty(): boolean {
    return this.#last.size === 0;
  }

  format(): string {
    const sorted = [...this.#last].toSorted(([left], [right]) => left - right);
    return sorted.map(([domain, { server, number }]) => `${domain}-${server}-${number}`).join(',');
  }

  contains(gtid: string): boolean {
    const one = splitMariadb(gtid);
    if (one === null) return false;
    const last = this.#last.get(one.domain);
    return last !== undefined && one.number <= last.number;
  }

  add(gtid: string): void {
    const one = splitMariadb(gtid);
    assert(one !== null, `${gtid} is the id of a transaction`);
    this.#raise(one.domain, one);
  }

  isSubsetOf(other: GtidSet): boolean {
    return this.subtract(other).isEmpty;
  }

  union(other: GtidSet): GtidSet {
    const both = this.copy();
    for (const [domain, place] of ofMariadb(other).#last) both.#raise(domain, place);
    return both;
  }

  intersect(other: GtidSet): GtidSet {
    const both = new MariadbGtidSet(new Map());
    for (const [domain, place] of this.#last) {
      const others = ofMariadb(other).#last.get(domain);
      if (others === undefined) continue;
      both.#raise(domain, others.number < place.number ? others : place);
    }
    return both;
  }

  subtract(other: GtidSet): GtidSet {
    const rest = new MariadbGtidSet(new Map());
    for (const [domain, place] of this.#last) {
      const others = ofMariadb(other).#last.get(domain);
      if (others === undefined || others.number < place.number) rest.#raise(domain, place);
    }
    return rest;
  }

  copy(): MariadbGtidSet {
    return new MariadbGtidSet(new Map(this.#last));
  }

  #raise(domain: number, { server, number }: MariadbPlace): void {
    const last = this.#last.get(domain);
    const isHigher = last === undefined || number > last.number;
    // Two servers may give one number in a domain; the text must not depend on which came first.
    const isTie = last !== undefined && number === last.number && server > last.server;
    if (isHigher || isTie) this.#last.set(domain, { server, number });
  }
}

function ofMariadb(set: GtidSet): MariadbGtidSet {
  assert(set instanceof MariadbGtidSet, 'both sets are of one kind of server');
  return set;
}

function splitMariadb(gtid: string): (MariadbPlace & { readonly domain: number }) | null {
  const match = MARIADB_GTID.exec(gtid);
  if (match === null) return null;
  const [, domain = '', server = '', number = ''] = match;
  return {
    domain: Number.parseInt(domain, 10),
    server: String(Number.parseInt(server, 10)),
    number: BigInt(number),
  };
}
