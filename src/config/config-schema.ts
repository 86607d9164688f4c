/**
 * The pipeline file as JSON Schema (draft 7, the one that editors' YAML support reads), made from
 * the declarations. It guides while typing; the parser has the last word.
 */
import { unreachable } from '../kernel/assert.ts';
import type { Section, ValueType } from './option.ts';
import { PIPELINE_OPTIONS } from './pipeline-options.ts';

type Schema = Readonly<Record<string, unknown>>;

const DURATION = '^[0-9]+(\\.[0-9]+)? ?(ms|s|m|h|d)$';
const SIZE = '^[0-9]+(\\.[0-9]+)? ?([KMGT]iB|[kMGT]?B)$';

function sectionSchema(options: Section, type?: string): Schema {
  const properties = Object.entries(options).map(([name, option]) => {
    const described = { ...valueSchema(option.type), description: option.text };
    const hasDefault = option.default !== undefined && option.default !== null;
    return [name, hasDefault ? { ...described, default: option.default } : described] as const;
  });
  const required = Object.entries(options).flatMap(([name, option]) =>
    option.default === undefined ? [name] : [],
  );
  return {
    type: 'object',
    properties: {
      ...(type === undefined ? {} : { type: { const: type } }),
      ...Object.fromEntries(properties),
    },
    required: type === undefined ? required : ['type', ...required],
    additionalProperties: false,
  };
}

function valueSchema(type: ValueType): Schema {
  switch (type.kind) {
    case 'text':
      return type.pattern === undefined
        ? { type: 'string', minLength: 1 }
        : { type: 'string', pattern: type.pattern.source };
    case 'path':
      return { type: 'string', minLength: 1 };
    case 'duration':
      return { type: 'string', pattern: DURATION };
    case 'size':
      return { type: 'string', pattern: SIZE };
    case 'integer':
      return { type: 'integer', minimum: type.min, maximum: type.max };
    case 'flag':
      return { type: 'boolean' };
    case 'choice':
      // The word null, unquoted, is the value null to an editor.
      return { enum: type.values.includes('null') ? [...type.values, null] : type.values };
    case 'secret':
      return { oneOf: ['env', 'file', 'command'].map(secretSchema) };
    case 'list':
      return { type: 'array', items: valueSchema(type.of), minItems: type.itemsMin };
    case 'map':
      return { type: 'object', additionalProperties: valueSchema(type.of) };
    case 'either':
      return { anyOf: [{ const: type.word }, valueSchema(type.of)] };
    case 'section': {
      const section = sectionSchema(type.options);
      return type.shorthand === undefined
        ? section
        : { anyOf: [{ type: 'string', minLength: 1 }, section] };
    }
    case 'variant': {
      const variants = Object.entries(type.variants);
      return { oneOf: variants.map(([name, options]) => sectionSchema(options, name)) };
    }
    default:
      return unreachable(type);
  }
}

function secretSchema(form: string): Schema {
  const value =
    form === 'command'
      ? { type: 'array', items: { type: 'string' }, minItems: 1 }
      : { type: 'string' };
  return {
    type: 'object',
    properties: { [form]: value },
    required: [form],
    additionalProperties: false,
  };
}

/** Text of `docs/reference/pipeline.schema.json`. */
export function renderConfigSchema(): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Firn pipeline file',
    ...sectionSchema(PIPELINE_OPTIONS),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
