import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { BatchSchema } from './batch.ts';
import { ExchangeRequestSchema, ExchangeResponseSchema } from './exchange.ts';
import { PROTOCOL_VERSION } from './protocol-version.ts';

/**
 * Describes a schema as a stable text: the kind, parts and limits; keys of an object sorted,
 * functions and messages left out.
 */
function describeSchema(schema: unknown): unknown {
  if (schema instanceof RegExp) return schema.source;
  if (Array.isArray(schema)) return schema.map(describeSchema);
  if (typeof schema === 'function') return undefined;
  if (typeof schema !== 'object' || schema === null) return schema;
  const described = [
    'type',
    'kind',
    'key',
    'value',
    'entries',
    'item',
    'items',
    'options',
    'wrapped',
    'pipe',
    'literal',
    'requirement',
  ]
    .map((part): [string, unknown] => [part, (schema as Record<string, unknown>)[part]])
    .filter(([, value]) => value !== undefined && typeof value !== 'function')
    .map(([part, value]) => [
      part,
      part === 'entries' ? sorted(value as object) : describeSchema(value),
    ]);
  return Object.fromEntries(described as [string, unknown][]);
}

const sorted = (entries: object): unknown =>
  Object.entries(entries)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => [name, describeSchema(schema)]);

const text = (schema: object): string => JSON.stringify(describeSchema(schema));
const hash = createHash('sha256')
  .update([ExchangeRequestSchema, ExchangeResponseSchema, BatchSchema].map(text).join('\n'))
  .digest('hex')
  .slice(0, 16);

test('the wire schemas change only together with the protocol version', () => {
  expect(
    { version: PROTOCOL_VERSION, hash },
    'The wire schemas (exchange, batch, mutation, verdict) have changed. Devices in ' +
      'the field speak the old ones: ' +
      'bump "protocol" in shared/contract/limits.json, let the provider follow, and ' +
      'pin the new hash here.',
    // Version 2: `elements` in a mutation (ADR 44). An older server would refuse the key, and a
    // server that ignored it would lose an edit, so a batch with it names version 2.
    // Version 1 has gained optional fields, ignored by older servers and devices: `device` in the
    // request (ADR 16); `holds` in the request and `undeclared` in the response (ADR 30); `proof`
    // in both (ADR 35). A record in a response is checked on being taken, not on being parsed:
    // every sound record is read as before (ADR 30).
  ).toEqual({ version: 2, hash: '850b79208c5a4748' });
});

test('the pinned text notices a field, its kind and its limits', () => {
  const described = text(ExchangeRequestSchema);
  for (const part of [
    '"protocol"',
    '"replicaId"',
    '"since"',
    'safe_integer',
    'min_value',
    'exact_optional',
    'nullable',
  ])
    expect(described).toContain(part);
  expect(text(ExchangeResponseSchema)).toContain('"conflicted"');
  expect(text(BatchSchema)).toContain('"baseRevision"');
});
