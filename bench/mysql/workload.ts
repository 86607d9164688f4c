/**
 * The orders workload: a table of twelve columns with one of each of the types that copies get
 * wrong, its rows, and transactions of 100 row changes each. Everything follows from ids and a
 * seed, so that any copy can be checked by its counts and sums, on any machine.
 */

/** Columns in this order; texts are utf8mb4. */
export const ORDERS_TABLE = `CREATE TABLE orders (
  id BIGINT NOT NULL PRIMARY KEY,
  customer_id INT NOT NULL,
  quantity INT NOT NULL,
  amount DECIMAL(12,2) NOT NULL,
  status VARCHAR(24) NOT NULL,
  address VARCHAR(80) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT '2026-01-01 00:00:00',
  attrs JSON NOT NULL,
  is_gift TINYINT(1) NOT NULL,
  weight DOUBLE NOT NULL,
  note VARCHAR(200) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`;

/** How many transactions of changes, over how many loaded rows. */
export interface ChangesWish {
  readonly rows: number;
  readonly transactions: number;
  /** From 1; inserted ids and drawn keys depend on it. */
  readonly seed: number;
}

/** Row changes of one transaction: 60 updates, 30 inserts, 10 deletes. */
export const CHANGES_PER_TRANSACTION = 100;

const STATES = ['new', 'paid', 'packed', 'in transit', 'delivered', 'returned to sender'];
const STREETS = [
  'Main Street',
  'Königsallee',
  'rue de la Paix',
  'Långgatan',
  '桜通り',
  'Via Roma',
  'High Road',
  'Calle Mayor',
];
const CITIES = [
  'Düsseldorf',
  'Springfield',
  'Göteborg',
  '名古屋',
  'São Paulo',
  'Torino',
  'Leeds',
  'Sevilla',
];
const WORDS = (
  'please leave at the back door ring twice call before delivery fragile keep dry do not bend ' +
  'gift wrap urgent evening only neighbour ok'
).split(' ');
const SHOPS = ['web', 'app', 'shop'];
const FIRST_MS = Date.UTC(2024, 0, 1);
const IDS_PER_SEED = 100_000_000;

/** 32 well mixed bits of an id and a salt (the finaliser of MurmurHash3). */
function mix(id: number, salt: number): number {
  let hash = (id ^ Math.imul(salt + 1, 0x9e37_79b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function dateTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function noteOf(bits: number): string | null {
  if (bits % 100 >= 70) return null;
  const count = 14 + ((bits >>> 8) % 9);
  const words = Array.from({ length: count }, (_, at) => WORDS[mix(bits, at) % WORDS.length]);
  return words.join(' ');
}

/** The values of an order, in the order of the columns. */
function orderOf(id: number, salt: number): readonly (string | number | null)[] {
  const a = mix(id, salt);
  const b = mix(id, salt + 101);
  const c = mix(id, salt + 202);
  const d = mix(id, salt + 303);
  const createdMs = FIRST_MS + (a % 63_072_000) * 1000;
  const cents = String(a % 100).padStart(2, '0');
  const place = `${STREETS[a % 8]}, ${10_000 + (c % 89_999)} ${CITIES[b % 8]}`;
  const tags = `["t${c % 50}", "t${d % 50}"]`;
  return [
    id,
    b % 500_000,
    1 + (c % 40),
    `${c % 1000 === 0 ? '-' : ''}${b % 4_000_000}.${cents}`,
    `${STATES[c % 6]} ${b % 97}`,
    `${1 + (b % 400)} ${place}, floor ${d % 30}`,
    `${dateTime(createdMs)}.${String(b % 1_000_000).padStart(6, '0')}`,
    dateTime(createdMs + (c % 2_000_000) * 1000),
    `{"src": "${SHOPS[a % 3]}", "v": ${b % 1000}, "tags": ${tags}, "r": ${(a % 10_000) / 100}}`,
    a & 1,
    (b % 10_000_000) / 1000 + 0.1,
    noteOf(d),
  ];
}

/** The rows 1 to `rows` as tab-separated text for LOAD DATA, some hundred rows at a time. */
export function* orderRows(rows: number): Generator<string> {
  let text = '';
  for (let id = 1; id <= rows; id++) {
    const values = orderOf(id, 0).map((value) => (value === null ? '\\N' : String(value)));
    text += `${values.join('\t')}\n`;
    if (text.length > 256 * 1024 || id === rows) {
      yield text;
      text = '';
    }
  }
}

function literal(value: string | number | null): string {
  if (value === null) return 'NULL';
  return typeof value === 'number' ? String(value) : `'${value}'`;
}

/** Keys of living rows: no key twice in a transaction, four of five updates in the hot fifth. */
class Keys {
  readonly #rows: number;
  readonly #dead: Uint8Array;
  readonly #usedIn: Uint32Array;
  readonly #hot: number;
  #state: number;

  constructor(rows: number, seed: number) {
    this.#rows = rows;
    this.#dead = new Uint8Array(rows + 1);
    this.#usedIn = new Uint32Array(rows + 1);
    this.#hot = Math.max(1, Math.floor(rows / 5));
    this.#state = (seed * 2_654_435_761) >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  draw(wish: { readonly count: number; readonly hotPercent: number; readonly turn: number }) {
    const keys: number[] = [];
    while (keys.length < wish.count) {
      const range = this.below(100) < wish.hotPercent ? this.#hot : this.#rows;
      const id = 1 + this.below(range);
      if (this.#dead[id] !== 0 || this.#usedIn[id] === wish.turn) continue;
      this.#usedIn[id] = wish.turn;
      keys.push(id);
    }
    return keys;
  }

  kill(ids: readonly number[]): void {
    for (const id of ids) this.#dead[id] = 1;
  }
}

/** One transaction after the other: three statements each, without BEGIN and COMMIT. */
export function* orderChanges(wish: ChangesWish): Generator<readonly string[]> {
  const { rows, transactions, seed } = wish;
  const keys = new Keys(rows, seed);
  let next = rows + 1 + (seed - 1) * IDS_PER_SEED;
  for (let turn = 1; turn <= transactions; turn++) {
    const updated = keys.draw({ count: 60, hotPercent: 80, turn });
    const deleted = keys.draw({ count: 10, hotPercent: 0, turn });
    const inserted: string[] = [];
    for (let index = 0; index < 30; index++) {
      inserted.push(`(${orderOf(next, seed).map(literal).join(',')})`);
      next += 1;
    }
    const raise = `${1 + keys.below(90)}.${String(keys.below(100)).padStart(2, '0')}`;
    const state = STATES[keys.below(6)];
    const at = dateTime(FIRST_MS + 80_000_000_000 + (seed * 1e6 + turn) * 1000);
    const note = `CONCAT('changed in transaction ${turn} of run ${seed}: ',address)`;
    yield [
      `UPDATE orders SET quantity=quantity+1, amount=amount+${raise}, status='${state} s${seed}', ` +
        `updated_at='${at}', note=IF(id%5=0,NULL,${note}) WHERE id IN (${updated.join(',')})`,
      `INSERT INTO orders VALUES ${inserted.join(',')}`,
      `DELETE FROM orders WHERE id IN (${deleted.join(',')})`,
    ];
    keys.kill(deleted);
  }
}
