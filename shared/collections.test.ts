import { readFileSync } from 'node:fs';
import { Validator, type Schema } from '@cfworker/json-schema';
import { describe, expect, test } from 'vitest';
import { readCollections } from './collections.ts';
import { UpdraftError } from './errors.ts';

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const { cases } = read('contract/declarations.json') as {
  cases: readonly {
    readonly name: string;
    readonly file: unknown;
    readonly refused?: string;
    readonly editor?: 'accepts';
  }[];
};
const editor = new Validator(read('contract/collections.schema.json') as Schema, '2020-12', false);

/** The fault that the worker finds in the file; undefined for a sound file. */
function refusal(file: unknown): string | undefined {
  try {
    readCollections(file);
    return undefined;
  } catch (error) {
    if (error instanceof UpdraftError && error.kind === 'bad-collections') return error.message;
    throw error;
  }
}

describe('case D9: a declaration is taken or refused alike by worker, provider and editor', () => {
  test.each(cases)('$name', ({ file, refused, editor: lenient }) => {
    if (refused === undefined) expect(refusal(file)).toBeUndefined();
    else expect(refusal(file)).toContain(refused);
    expect(editor.validate(file).valid, 'by the published JSON Schema').toBe(
      refused === undefined || lenient === 'accepts',
    );
  });

  test.each([
    '../demo/collections.json',
    '../bench/collections.json',
    '../sw/acceptance/collections.json',
  ])('%s is valid for all of them', (path) => {
    expect(refusal(read(path))).toBeUndefined();
    expect(editor.validate(read(path)).errors).toEqual([]);
  });
});
