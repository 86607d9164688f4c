/** The reference page of the pipeline file, made from the declarations. */
import { expected } from './resolve/expected-value.ts';
import type { Option, Section, ValueType } from './option.ts';
import { PIPELINE_OPTIONS } from './pipeline-options.ts';

const EXAMPLE = `name: shop
source: {type: sqlite, path: ./app.db}
tables:
  - orders
  - table: customers
    exclude: [ssn]
    rename: {note: remark}
    columns: {age: {onMisfit: null}}
  - event_*
lake: {warehouse: ./lake}`;

interface Page {
  readonly title: string;
  readonly options: Section;
  readonly note: string | null;
}

/** Sections inside a value, with the path under which a reader finds them. */
function pagesOf(path: string, type: ValueType): readonly Page[] {
  switch (type.kind) {
    case 'section': {
      const note =
        type.shorthand === undefined
          ? null
          : `A plain name stands for a section with only \`${type.shorthand}\`.`;
      return [{ title: path, options: type.options, note }, ...pagesInside(path, type.options)];
    }
    case 'variant':
      return Object.entries(type.variants).flatMap(([name, options]) => [
        { title: `${path} with \`type: ${name}\``, options, note: null },
        ...pagesInside(path, options),
      ]);
    case 'list':
      return pagesOf(`${path}[]`, type.of);
    case 'map':
      return pagesOf(`${path}.<${type.keyText}>`, type.of);
    case 'either':
      return pagesOf(path, type.of);
    default:
      return [];
  }
}

function pagesInside(path: string, options: Section): readonly Page[] {
  return Object.entries(options).flatMap(([name, option]) =>
    pagesOf(path === '' ? name : `${path}.${name}`, option.type),
  );
}

function formatDefault(option: Option): string {
  if (option.default === undefined) return 'required';
  if (option.default === null) return '';
  return typeof option.default === 'string' ? option.default : JSON.stringify(option.default);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function tableOf(options: Section): readonly string[] {
  const rows = Object.entries(options).map(([name, option]) => {
    const fallback = formatDefault(option);
    const shown = fallback === '' || fallback === 'required' ? fallback : `\`${fallback}\``;
    const cells = [`\`${name}\``, expected(option.type), shown, option.text, option.since];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return [
    '| option | value | default | meaning | since |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

/** Markdown text of `docs/reference/config.md`. */
export function renderConfigReference(): string {
  const lines = [
    '# The pipeline file',
    '',
    'Generated from the option declarations (`npm run reference`). The file is YAML: maps, lists and',
    'plain values; aliases, tags and several documents in one file are refused. Unknown options are',
    'errors. Relative paths start at the file’s folder. Editors can check it against',
    '`pipeline.schema.json` beside this page.',
    '',
    '```yaml',
    EXAMPLE,
    '```',
    '',
    '## Top level',
    '',
    ...tableOf(PIPELINE_OPTIONS),
    '',
  ];
  for (const { title, options, note } of pagesInside('', PIPELINE_OPTIONS)) {
    lines.push(`## ${title}`, '', ...(note === null ? [] : [note, '']), ...tableOf(options), '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
