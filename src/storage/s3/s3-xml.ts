/**
 * The little XML that S3 speaks: answers are read for the text of named elements, never parsed as
 * documents. Every scan goes forward only, so its cost grows with the length of the answer.
 */

/** Contents of the elements of that name, in order; elements of one name do not nest in S3. */
export function xmlElements(xml: string, name: string): readonly string[] {
  const found: string[] = [];
  const close = `</${name}>`;
  for (let at = 0; ;) {
    const open = xml.indexOf(`<${name}>`, at);
    if (open < 0) return found;
    const start = open + name.length + 2;
    const end = xml.indexOf(close, start);
    if (end < 0) return found;
    found.push(xml.slice(start, end));
    at = end + close.length;
  }
}

/** Text of the first element of that name, or `null`. */
export function xmlText(xml: string, name: string): string | null {
  const open = xml.indexOf(`<${name}>`);
  if (open < 0) return null;
  const start = open + name.length + 2;
  const end = xml.indexOf(`</${name}>`, start);
  return end < 0 ? null : decodeText(xml.slice(start, end));
}

/** Name of the outermost element, without its namespace; `null` when the document is cut short. */
export function xmlRoot(xml: string): string | null {
  const match = /^\s*(?:<\?xml[^>]*\?>)?\s*<(?:\w+:)?(\w+)[\s/>]/.exec(xml);
  const name = match?.[1];
  if (name === undefined) return null;
  const end = xml.trimEnd();
  return end.endsWith(`${name}>`) || end.endsWith('/>') ? name : null;
}

/** Text as it may stand in an element. */
export function encodeXml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function decodeText(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{2,4}));/g, (whole, ...parts) => {
    const [decimal, hexadecimal, name] = parts.map((part) => part as string | undefined);
    if (name !== undefined) return named[name] ?? whole;
    const code = Number.parseInt(decimal ?? hexadecimal ?? '', decimal === undefined ? 16 : 10);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
  });
}
