import { expect, test } from 'vitest';
import { whyAgainst } from './why-against.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    site: { type: 'string', minLength: 1 },
    status: { enum: ['ok', 'fail'] },
    reading: { type: 'number', maximum: 1000 },
    day: { type: 'string', format: 'date' },
    link: { type: 'string', format: 'uri' },
    parts: { type: 'array', items: { type: 'object', required: ['name'] } },
    kind: { anyOf: [{ const: 'a' }, { type: 'number' }] },
  },
  required: ['id', 'site'],
  additionalProperties: false,
};
const of = (fields: object, schema: object = SCHEMA) =>
  whyAgainst(schema as Readonly<Record<string, unknown>>, { id: 'x', ...fields });

test.each<[string, object, string, string]>([
  ['a number too large', { site: 'A', reading: 1001 }, '/reading', '1001 is greater than 1000.'],
  ['a missing field', {}, '/site', 'Instance does not have required property "site".'],
  ['an unknown field', { site: 'A', sight: 'B' }, '/sight', 'The schema has no such field.'],
  ['a day that is none', { site: 'A', day: '2026-02-30' }, '/day', 'String does not match format'],
  ['an item of a list', { site: 'A', parts: [{ name: 1 }, {}] }, '/parts/1', 'required property'],
  ['none of several', { site: 'A', kind: 'b' }, '/kind', 'Instance does not match any subschemas.'],
])('%s is named with its place', (_name, fields, path, words) => {
  expect(of(fields)).toEqual({ kind: 'schema', path, message: expect.stringContaining(words) });
});

test('a name with a slash is escaped in the place', () => {
  const schema = { properties: { 'a/b': { type: 'number' } } };
  expect(of({ 'a/b': 'x' }, schema)).toMatchObject({ path: '/a~1b' });
});

test.each<[string, object, object]>([
  ['a record that fits', { site: 'A', reading: 1 }, SCHEMA],
  ['a format on which validators differ', { site: 'A', link: 'no link' }, SCHEMA],
  ['a pattern of another language', { a: 'B' }, { properties: { a: { pattern: '(?i)^a' } } }],
  ['a reference that leads nowhere', { a: 1 }, { properties: { a: { $ref: '#/$defs/none' } } }],
  [
    'a schema of an older draft',
    { a: [1] },
    {
      $schema: 'http://json-schema.org/draft-07/schema#',
      properties: { a: { prefixItems: [{ type: 'string' }] } },
    },
  ],
])('left to the server: %s', (_name, fields, schema) => {
  expect(of(fields, schema)).toBeUndefined();
});

test('a format inside a constant is a value like any other', () => {
  const schema = { properties: { a: { const: { format: 'uri' } } } };
  expect(of({ a: { format: 'uri' } }, schema)).toBeUndefined();
  expect(of({ a: {} }, schema)).toMatchObject({ path: '/a' });
});

test('a field with the name of a keyword is judged as a field', () => {
  const schema = { properties: { format: { type: 'string' } }, required: ['format'] };
  expect(of({ format: 1 }, schema)).toMatchObject({ path: '/format' });
  expect(of({ format: 'uri' }, schema)).toBeUndefined();
});
