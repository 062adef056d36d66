import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runTypes, typesOf } from './types.mjs';

/** @param {Record<string, object>} collections */
const file = (collections) => JSON.stringify({ version: 1, collections });
const schema = {
  type: 'object',
  properties: { id: { type: 'string' }, ok: { type: 'boolean' } },
  required: ['id'],
  additionalProperties: false,
};

test('each collection becomes an interface, and all a map', async () => {
  const text = await typesOf(
    file({
      site_visits: { schema },
      status: { schema },
      people: { schema: { ...schema, title: 'Person' } },
    }),
  );
  expect(text).toContain('export interface SiteVisit {\n  id: string;\n  ok?: boolean;\n}');
  expect(text).toContain(
    'export interface Collections {\n  site_visits: Indexed<SiteVisit, never>;\n  ' +
      'status: Indexed<Status, never>;\n  people: Indexed<Person, never>;\n}',
  );
});

test('case D9: names as worker and provider take them, with a hyphen or a capital', async () => {
  const text = await typesOf(file({ 'daily-logs': { schema }, Things: { schema } }));
  expect(text).toContain(
    "export interface Collections {\n  'daily-logs': Indexed<DailyLog, never>;\n  " +
      'Things: Indexed<Thing, never>;\n}',
  );
});

test('the map names the declared indexes, for the types of queries', async () => {
  const properties = { ...schema.properties, "it's": { type: 'string' }, site: {} };
  const text = await typesOf(
    file({ a: { schema: { ...schema, properties }, indexes: ['ok', "it's", 'not a field'] } }),
  );
  expect(text).toContain("import type { Indexed } from 'airflow-updraft/client';");
  expect(text).toContain("  a: Indexed<A, 'ok' | 'it\\'s'>;\n");
});

test('case D9: the rule for names equals the published rule', () => {
  const published = JSON.parse(
    readFileSync(new URL('../shared/contract/collections.schema.json', import.meta.url), 'utf8'),
  );
  const cases = JSON.parse(
    readFileSync(new URL('../shared/contract/declarations.json', import.meta.url), 'utf8'),
  ).cases;
  const names = cases.flatMap(
    (/** @type {{ file: { collections?: object } | null }} */ { file: declared }) =>
      Object.keys(declared?.collections ?? {}),
  );
  const pattern = new RegExp(published.properties.collections.propertyNames.pattern);
  return Promise.all(
    names.map((/** @type {string} */ name) =>
      pattern.test(name)
        ? typesOf(file({ [name]: { schema } }))
        : expect(typesOf(file({ [name]: { schema } }))).rejects.toThrow(/letters, digits/),
    ),
  );
});

/** @param {object} place what `$defs.place` is */
const withPlace = (place) => ({
  ...schema,
  properties: { ...schema.properties, place: { $ref: '#/$defs/place' } },
  $defs: { place },
});
const place = {
  type: 'object',
  description: 'Where it is.',
  properties: { lat: { type: 'number' }, lon: { type: 'number' } },
  additionalProperties: false,
};

test('case D12: a type in the $defs of two collections is written once', async () => {
  const text = await typesOf(
    file({ sites: { schema: withPlace(place) }, visits: { schema: withPlace(place) } }),
  );
  expect(text.match(/export interface \w+/g)).toEqual(
    ['Site', 'Place', 'Visit', 'Collections'].map((name) => `export interface ${name}`),
  );
  expect(text).toContain('/**\n * Where it is.\n */\nexport interface Place {\n  lat?: number;');
  expect(text.match(/place\?: Place;/g)).toHaveLength(2);
});

test('case D12: two types of one name are refused in words', async () => {
  const other = { ...place, properties: { street: { type: 'string' } } };
  await expect(
    typesOf(file({ sites: { schema: withPlace(place) }, visits: { schema: withPlace(other) } })),
  ).rejects.toThrow('"Place" is one thing in sites and another in visits. Rename one of them');
});

test.each([
  ['no JSON', '{', /is not JSON/],
  ['no collections', '{}', /"collections" must be/],
  ['a bad name', file({ 'A b': { schema } }), /a collection's name is 1 to 63 letters/],
  ['no schema', file({ a: {} }), /a\.schema must be/],
  ['no id', file({ a: { schema: { type: 'object', properties: {} } } }), /must declare "id"/],
  ['two of one name', file({ site: { schema }, sites: { schema } }), /would both be "Site"/],
  [
    'the name of the map',
    file({ collections: { schema: { ...schema, title: 'Collections' } } }),
    /both/,
  ],
  [
    'a taken name within',
    file({
      a: {
        schema: {
          ...schema,
          properties: { id: {}, a: { $ref: '#/$defs/indexed' } },
          $defs: { indexed: place },
        },
      },
    }),
    /Indexed/,
  ],
])('a file with %s is refused in words', async (_, text, message) => {
  await expect(typesOf(text)).rejects.toThrow(message);
});

test('--check fails when the types are stale, and writes nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'updraft-types-'));
  const [input, output] = [join(folder, 'collections.json'), join(folder, 'out', 'types.ts')];
  writeFileSync(input, file({ sites: { schema } }));
  await expect(runTypes([input, output, '--check'])).rejects.toThrow(/is missing/);
  await runTypes([input, output]);
  await runTypes([input, output, '--check']);
  writeFileSync(output, `${readFileSync(output, 'utf8')}// edited`);
  await expect(runTypes([input, output, '--check'])).rejects.toThrow(/not up to date/);
  expect(readFileSync(output, 'utf8')).toContain('// edited');
  rmSync(folder, { recursive: true });
});
