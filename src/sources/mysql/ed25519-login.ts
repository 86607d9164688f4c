/**
 * The login of MariaDB's plugin `ed25519`: a signature over the server's nonce (RFC 8032, section
 * 5.1.6), in which the password, of any length, has the place of the seed. Node's own signing takes
 * seeds of 32 bytes only, so the arithmetic of the curve is done here; for such passwords both give
 * the same bytes. Used once a connection, over a nonce of the server: a few milliseconds.
 */
import { createHash } from 'node:crypto';

/** Bytes of the server's nonce that are signed. */
const NONCE_BYTES = 32;

/** The field's prime and the order of the base point (RFC 8032, section 5.1). */
const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** A point in extended coordinates: x = X/Z, y = Y/Z, T = XY/Z. */
type Point = readonly [x: bigint, y: bigint, z: bigint, t: bigint];

const D = mod(-121665n * inverse(121666n));

const BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202n;
const BASE_Y = mod(4n * inverse(5n));
const BASE: Point = [BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)];
const ZERO: Point = [0n, 1n, 1n, 0n];

/** The answer to a nonce: a signature of 64 bytes. Bytes behind the nonce are not looked at. */
export function ed25519Answer(password: string, nonce: Uint8Array): Uint8Array {
  const message = nonce.subarray(0, NONCE_BYTES);
  const hash = sha512(Buffer.from(password));
  const secret = clamped(hash.subarray(0, 32));
  const publicKey = encodePoint(multiply(secret));
  const r = mod(toNumber(sha512(hash.subarray(32), message)), L);
  const commitment = encodePoint(multiply(r));
  const challenge = toNumber(sha512(commitment, publicKey, message));
  return Buffer.concat([commitment, toBytes(mod(r + challenge * secret, L))]);
}

function sha512(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function clamped(bytes: Uint8Array): bigint {
  const low = toNumber(bytes) & (2n ** 254n - 8n);
  return low | (2n ** 254n);
}

function mod(value: bigint, by = P): bigint {
  const rest = value % by;
  return rest < 0n ? rest + by : rest;
}

/** By Fermat: `value ** (P - 2)`. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let base = mod(value);
  for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

/** RFC 8032, section 5.1.4; holds for a point and itself too. */
function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * t1 * t2 * D);
  const d = mod(2n * z1 * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

/** So many times the base point, with the same steps for every number. */
function multiply(scalar: bigint): Point {
  let sum = ZERO;
  let power = BASE;
  for (let bit = 0n; bit < 255n; bit++) {
    const next = add(sum, power);
    sum = ((scalar >> bit) & 1n) === 1n ? next : sum;
    power = add(power, power);
  }
  return sum;
}

function encodePoint([x, y, z]: Point): Uint8Array {
  const unit = inverse(z);
  return toBytes(mod(y * unit) | ((mod(x * unit) & 1n) << 255n));
}

/** Little-endian. */
function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function toBytes(value: bigint): Uint8Array {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}
