import * as fc from 'fast-check';
import type { Json } from '../../shared/json.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Texts that formats and patterns accept, or nearly. */
const TEXTS = (
  '2026-11-30|2026-02-30|2024-02-29|2023-02-29|2026-1-1|10:00:00Z|10:00:00|' +
  '24:00:00Z|2026-11-30T10:00:00Z|2026-11-30T10:00:00|2026-11-30T10:00Z|P1D|PT|' +
  'P1Y2M3DT4H5M6S|P1W|P1Y2D|a@b.de|a@b|@b|a..b@c.de|example.com|a_b|127.0.0.1|' +
  '256.1.1.1|1.1.1|::1|1::2::3|/a/b|/a~|0#|| |a|A-1|' +
  '123e4567-e89b-12d3-a456-426614174000|123e4567|ok|watch|é|😀|😀😀|12.5'
).split('|');
/** Formats that a device judges, and one that nobody knows. */
const FORMATS = (
  'date time date-time duration email hostname ipv4 ipv6 uuid json-pointer ' +
  'relative-json-pointer no-such-format'
).split(' ');
const PATTERNS = [
  '^a',
  '^\\d+$',
  '^[A-Z]{2,3}$',
  '\\w+',
  '^.$',
  '^\\p{L}+$',
  '^(ok|watch)$',
  '\\s',
];
const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'];

const scalar = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(0.1, 0.3, 1.1, 1.5, 0.07, 4.35, 1e-7, 9007199254740991),
  fc.boolean(),
  fc.constant(null),
);
const field = fc.constantFrom('a', 'b', 'c', 'constructor');
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(field, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<Json>,
  ),
}));
const number = fc.constantFrom(-5, 0, 1, 2, 3.5, 10, 0.1, 0.01, 100);
const count = fc.integer({ min: 0, max: 4 });

/** Each keyword is present in about every third schema. */
const some = (
  keywords: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<JsonSchema> =>
  fc
    .tuple(
      ...Object.entries(keywords).map(([name, of]) => fc.tuple(fc.constant(name), fc.nat(2), of)),
    )
    .map((drawn) =>
      Object.fromEntries(drawn.filter(([, of3]) => of3 === 0).map(([name, , of]) => [name, of])),
    );

const { schema } = fc.letrec<{ schema: JsonSchema | boolean }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    {
      weight: 6,
      arbitrary: some({
        type: fc.oneof(
          fc.constantFrom(...TYPES),
          fc.uniqueArray(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 3 }),
        ),
        minimum: number,
        exclusiveMaximum: number,
        multipleOf: fc.constantFrom(1, 2, 0.1, 0.01, 0.5, 0.07),
        minLength: count,
        maxLength: count,
        format: fc.constantFrom(...FORMATS),
        pattern: fc.constantFrom(...PATTERNS),
        enum: fc.array(value, { minLength: 1, maxLength: 3 }),
      }),
    },
    some({
      items: tie('schema'),
      minItems: count,
      maxItems: count,
      uniqueItems: fc.boolean(),
      contains: tie('schema'),
      maxContains: count,
      prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
    }),
    some({
      properties: fc.dictionary(field, tie('schema'), { maxKeys: 3 }),
      required: fc.uniqueArray(field, { maxLength: 2 }),
      additionalProperties: tie('schema'),
      propertyNames: tie('schema'),
      patternProperties: fc.dictionary(fc.constantFrom('^a', '[bc]'), tie('schema'), {
        maxKeys: 2,
      }),
      dependentRequired: fc.dictionary(field, fc.uniqueArray(field, { maxLength: 2 }), {
        maxKeys: 1,
      }),
      minProperties: count,
    }),
    some({
      allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
      not: tie('schema'),
      ...Object.fromEntries(['if', 'then', 'else'].map((name) => [name, tie('schema')])),
    }),
    fc.constantFrom({ $ref: '#/$defs/x' }, { $ref: '#/$defs/y' }),
    fc.boolean(),
  ),
}));

/** A schema of a collection, with references and every keyword that a device judges. */
export const drawnSchema: fc.Arbitrary<JsonSchema> = fc
  .tuple(
    fc.dictionary(field, schema, { minKeys: 1, maxKeys: 3 }),
    fc.uniqueArray(field, { maxLength: 1 }),
    schema,
    fc.boolean(),
  )
  .map(([properties, required, x, isOpen]) => ({
    properties: { id: { type: 'string' }, ...properties },
    required: ['id', ...required],
    ...(isOpen ? {} : { additionalProperties: false }),
    $defs: { x, y: { type: ['number', 'string', 'null'] } },
  }))
  .filter(({ $defs: { x } }) => !JSON.stringify(x).includes('$defs/x'));

/** Fields of five records. */
export const drawnDocs = fc.array(fc.dictionary(field, value, { maxKeys: 3 }), {
  minLength: 5,
  maxLength: 5,
});
