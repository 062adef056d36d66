import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runTypes, typesOf } from './types.mjs';

/** @param {Record<string, object>} collections */
const file = (collections) => JSON.stringify({ version: 1, collections });
const schema = { type: 'object', properties: { id: { type: 'string' }, ok: { type: 'boolean' } }, required: ['id'], additionalProperties: false };

test('each collection becomes an interface, and all a map', async () => {
  const text = await typesOf(file({ site_visits: { schema }, status: { schema }, people: { schema: { ...schema, title: 'Person' } } }));
  expect(text).toContain('export interface SiteVisit {\n  id: string;\n  ok?: boolean;\n}');
  expect(text).toContain('export interface Collections {\n  site_visits: SiteVisit;\n  status: Status;\n  people: Person;\n}');
});

test.each([
  ['no JSON', '{', /is not JSON/],
  ['no collections', '{}', /"collections" must be/],
  ['a bad name', file({ 'A b': { schema } }), /no collection name/],
  ['no schema', file({ a: {} }), /a\.schema must be/],
  ['no id', file({ a: { schema: { type: 'object', properties: {} } } }), /must declare "id"/],
  ['two of one name', file({ site: { schema }, sites: { schema } }), /would both be "Site"/],
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
