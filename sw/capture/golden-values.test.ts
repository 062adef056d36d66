import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { changeToNet, idOf } from '../record/change-to-net.ts';

/** A golden record, and the kind of refusal for a record that may not be written. */
interface Golden {
  readonly name: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly refused?: string;
  readonly grow?: Readonly<Record<string, readonly [string, number]>>;
  readonly growName?: readonly [string, number];
  readonly growList?: Readonly<Record<string, readonly [unknown, number]>>;
}

const file = new URL('../../shared/contract/values.json', import.meta.url);
const { values } = JSON.parse(readFileSync(file, 'utf8')) as { values: readonly Golden[] };

function grown({ record, grow = {}, growName, growList = {} }: Golden): Record<string, unknown> {
  const made = Object.fromEntries(Object.entries(record));
  for (const [field, [text, times]] of Object.entries(grow)) made[field] = text.repeat(times);
  for (const [field, [item, times]] of Object.entries(growList))
    made[field] = Array.from({ length: times }, () => item);
  if (growName) made[growName[0].repeat(growName[1])] = 1;
  return made;
}

function refusalOf(change: ChangeCommand): string | undefined {
  try {
    changeToNet(change, idOf(change), null);
    return undefined;
  } catch (error) {
    if (error instanceof UpdraftError) return error.kind;
    throw error;
  }
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  key: ['not-json'],
  text: ['not-json'],
  depth: ['not-json'],
  number: ['not-json'],
  id: ['no-id', 'too-large'],
  name: ['too-large'],
  size: ['too-large'],
};

test.each(values)('cases A2, A11, A12: what a record may be: $name', (golden) => {
  const refusal = refusalOf({ op: 'put', value: grown(golden) });
  if (golden.refused === undefined) expect(refusal).toBeUndefined();
  else expect(KINDS[golden.refused]).toContain(refusal);
});
