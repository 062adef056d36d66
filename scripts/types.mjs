#!/usr/bin/env node
// updraft-types <collections.json> <out.ts> [--check]: TypeScript types of all collections.
// Published as a command of its own, so it uses no other file of this repository.
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const usage = 'updraft-types <collections.json> <out.ts> [--check]';
const BANNER = '// Made by updraft-types from collections.json. Change that file, not this one.';
const IMPORT = `import type { Indexed } from 'airflow-updraft/client';`;

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;
const NAME_RULE =
  "a collection's name is 1 to 63 letters, digits, _ and -, and begins with a letter";

/** A mistake in the file or in the arguments: shown without a stack. */
export class TypesError extends Error {}

/**
 * @typedef {{ schema: Record<string, unknown>, indexes: readonly string[], description?: string
 * }} Declared
 */

/**
 * Returns the TypeScript text for the text of a collections.json.
 * @param {string} json
 * @param {string} [file] its name, for messages
 * @returns {Promise<string>}
 */
export async function typesOf(json, file = 'collections.json') {
  const collections = readCollections(json, file);
  const { compile } = await generator();
  /** @type {Map<string, string>} interface name by collection */
  const names = new Map();
  /** @type {Map<string, { text: string, collection: string }>} what was written, by its name */
  const written = new Map();
  for (const [collection, { schema, description }] of Object.entries(collections)) {
    const name = interfaceName(collection, schema);
    const taken = RESERVED[name] ?? [...names].find(([, other]) => other === name)?.[0];
    if (taken)
      throw new TypesError(
        `${file}: ${collection} and ${taken} would both be "${name}". Give the ` +
          'schema another "title".',
      );
    names.set(collection, name);
    const described = { ...(description && { description }), ...schema, title: name };
    const options = {
      bannerComment: '',
      additionalProperties: false,
      style: { singleQuote: true, printWidth: 140 },
    };
    for (const declaration of declarationsIn(await compile(described, name, options)))
      addOnce(written, { ...declaration, collection }, file);
  }
  const types = [...written.values()].map((declaration) => declaration.text);
  const text = [`${BANNER}\n${IMPORT}`, ...types].join('\n\n');
  const map = [...names]
    .map(([collection, name]) => {
      const indexes = collections[collection]?.indexes.map(quoted).join(' | ') || 'never';
      return `  ${propertyName(collection)}: Indexed<${name}, ${indexes}>;\n`;
    })
    .join('');
  return (
    `${text}\n\n/** Every collection's record and indexes, by the collection's name. ` +
    `*/\nexport interface Collections {\n${map}}\n`
  );
}

/** @type {Readonly<Record<string, string | undefined>>} names that the file itself uses */
const RESERVED = {
  Collections: 'the map of all collections',
  Indexed: 'the type of a record with indexes',
};

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/**
 * Splits generated text into its top-level declarations, each with its comment.
 * @param {string} text
 */
const declarationsIn = (text) =>
  text
    .trim()
    .split(/^(?=\/\*\*)|^(?<!\*\/\n)(?=export )/m)
    .map((declaration) => ({
      name: /^export (?:interface|type) (\w+)/m.exec(declaration)?.[1] ?? declaration,
      text: declaration.trim(),
    }));

/**
 * Adds a declaration, unless another collection has written it; collections may share `$defs`.
 * @param {Map<string, { text: string, collection: string }>} written
 * @param {{ name: string, text: string, collection: string }} declaration
 * @param {string} file
 */
function addOnce(written, { name, text, collection }, file) {
  const before = written.get(name);
  const other = RESERVED[name] ?? (before && before.text !== text && before.collection);
  if (other)
    throw new TypesError(
      `${file}: "${name}" is one thing in ${other} and another in ${collection}. ` +
        'Rename one of them in "$defs", or give one another "title".',
    );
  written.set(name, before ?? { text, collection });
}

async function generator() {
  try {
    return await import('json-schema-to-typescript');
  } catch {
    throw new TypesError(
      'updraft-types needs json-schema-to-typescript. Install it:\n  npm install ' +
        '--save-dev json-schema-to-typescript',
    );
  }
}

/** @param {string} json @param {string} file @returns {Record<string, Declared>} */
function readCollections(json, file) {
  const declared = parse(json, file);
  const collections = isObject(declared) ? declared['collections'] : undefined;
  if (!isObject(collections) || Object.keys(collections).length === 0)
    throw new TypesError(`${file}: "collections" must be an object with at least one collection.`);
  /** @type {Record<string, Declared>} */
  const read = {};
  for (const [name, value] of Object.entries(collections)) {
    if (!NAME.test(name)) throw new TypesError(`${file}: "${name}": ${NAME_RULE}.`);
    const schema = isObject(value) ? value['schema'] : undefined;
    if (!isObject(schema) || schema['type'] !== 'object')
      throw new TypesError(`${file}: ${name}.schema must be a JSON Schema of "type": "object".`);
    const properties = schema['properties'];
    if (!isObject(properties) || !isObject(properties['id']))
      throw new TypesError(`${file}: ${name}.schema.properties must declare "id".`);
    const { description, indexes } = /** @type {Record<string, unknown>} */ (value);
    read[name] = {
      schema,
      // Only fields of the type: records may have others, whose values nobody knows.
      indexes: Object.keys(properties).filter((field) => [indexes].flat().includes(field)),
      ...(typeof description === 'string' && { description }),
    };
  }
  return read;
}

/** @param {string} json @param {string} file @returns {unknown} */
function parse(json, file) {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new TypesError(`${file} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Returns the interface's name: `site_visits` → `SiteVisit`, or the schema's own title.
 * @param {string} collection
 * @param {Record<string, unknown>} schema
 */
function interfaceName(collection, schema) {
  const title = schema['title'];
  const words = typeof title === 'string' ? title : singular(collection);
  return words
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');
}

/** @param {string} collection */
const propertyName = (collection) => (collection.includes('-') ? `'${collection}'` : collection);

/** @param {string} word */
function singular(word) {
  if (/(ss|us|is)$/.test(word)) return word;
  return word.endsWith('ies') ? `${word.slice(0, -3)}y` : word.replace(/s$/, '');
}

/** @param {string[]} args @returns {Promise<number>} exit code */
export async function runTypes(args) {
  const check = args.includes('--check');
  const [input, output, ...more] = args.filter((arg) => arg !== '--check');
  if (!input || !output || more.length > 0) throw new TypesError(usage);
  if (!existsSync(input)) throw new TypesError(`${input} does not exist.`);
  const text = await typesOf(readFileSync(input, 'utf8'), input);
  const current = existsSync(output) ? readFileSync(output, 'utf8') : undefined;
  if (check && current !== text) {
    throw new TypesError(
      `${output} is ${current === undefined ? 'missing' : 'not up to date'}. Make ` +
        `it:\n  updraft-types ${input} ${output}`,
    );
  }
  if (!check && current !== text) {
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, text);
  }
  process.stdout.write(`${output}: ${check || current === text ? 'up to date' : 'written'}\n`);
  return 0;
}

// npm links a bin: compare the link's target
if (
  process.argv[1] &&
  existsSync(process.argv[1]) &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  try {
    process.exitCode = await runTypes(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof TypesError)) throw error;
    process.stderr.write(`updraft-types: ${error.message}\n`);
    process.exitCode = 1;
  }
}
