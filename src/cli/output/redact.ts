/**
 * The one redaction layer: everything Firn says about itself (lines, errors, log, events) goes
 * through it; answers to queries do not, they are the user's data. Secrets are kept out of messages
 * in the first place; this catches what a driver or a path brings along.
 */

const MARK = '[redacted]';

/** Shorter values would tear holes into ordinary words. */
const SECRET_LENGTH_MIN = 6;

const SECRET_NAME =
  /PASS(?:WORD|WD|PHRASE)?(?:_|$)|SECRET|TOKEN|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY/i;

/** The user part of an address; not the one that advice shows as the form of an address. */
const USER_PART = /([a-z][a-z0-9+.-]*:\/\/)(?!USER:PASSWORD@)[^\s/@]*:[^\s@]*@/gi;

/** Takes secrets out of a text. */
export type Redactor = (text: string) => string;

/** The forms in which a secret may turn up inside other text. */
function formsOf(secret: string): readonly string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const base64 = Buffer.from(secret, 'utf8').toString('base64').replace(/=+$/, '');
  return [...new Set([secret, json, encodeURIComponent(secret), base64])];
}

/** The password of an address as it stands there, and as it is meant. */
function passwordsIn(word: string): readonly string[] {
  const url = URL.canParse(word) ? new URL(word) : null;
  if (url === null || url.password.length < SECRET_LENGTH_MIN) return [];
  const meant = /%(?![0-9a-f]{2})/i.test(url.password) ? [] : [unescapeOctets(url.password)];
  return [url.password, ...meant].flatMap(formsOf);
}

/** Percent signs as octets; what is not UTF-8 then reads as replacement characters. */
function unescapeOctets(text: string): string {
  const octets = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, 'latin1').toString('utf8');
}

/**
 * Redacts the values of environment variables that are named like secrets, the passwords of
 * addresses among the words of the command line, and the user part of any address
 * (`mysql://user:password@host`).
 *
 * @param environment the process's variables
 * @param words of the command line
 */
export function createRedactor(
  environment: Readonly<Record<string, string | undefined>>,
  words: readonly string[] = [],
): Redactor {
  const secrets = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && value.length >= SECRET_LENGTH_MIN && SECRET_NAME.test(name)
      ? formsOf(value)
      : [],
  );
  secrets.push(...words.flatMap(passwordsIn));
  // The longest first: a secret may be part of another.
  const ordered = secrets.toSorted((left, right) => right.length - left.length);
  return (text) => {
    let clean = text.replaceAll(USER_PART, `$1${MARK}@`);
    for (const secret of ordered) clean = clean.replaceAll(secret, MARK);
    return clean;
  };
}
