import { createContext, runInContext } from 'node:vm';
import { expect, test } from 'vitest';
import { notPlain } from './plain.ts';

class Money {
  readonly #cents = 1_999;
  toJSON(): string {
    return String(this.#cents);
  }
}
class BigNumber {
  readonly s = 1;
  readonly e = 0;
  readonly c = [5];
}
class Names extends Array<string> {}
const cyclic: unknown[] = [];
cyclic.push({ cyclic });

test.each<[string, unknown, string]>([
  ['with private fields', { price: new Money() }, 'price'],
  ['with fields', { price: new BigNumber() }, 'price'],
  ['in a list', { a: [{ prices: [1, new BigNumber()] }] }, 'a.0.prices.1'],
  ['as a whole', new BigNumber(), ''],
  ['of lists', { names: new Names('a') }, 'names'],
  ['made of an object', { o: Object.create({ inherited: 1 }) as unknown }, 'o'],
  ['Date', { at: new Date(0) }, 'at'],
  ['Map', { m: new Map() }, 'm'],
  ['Set in a list', [new Set()], '0'],
  ['bytes', { b: new Uint8Array(1) }, 'b'],
  ['a boxed text', { t: Object('x') as unknown }, 't'],
  ['an error', { e: new Error('x') }, 'e'],
  ['a symbol as a key', { o: { [Symbol('s')]: 1 } }, 'o'],
])('case A13: an instance, or what no copy carries, is found: %s', (_name, value, path) => {
  expect(notPlain(value)).toBe(path);
});

test.each<[string, unknown]>([
  [
    'values of every kind',
    { t: '', n: -0, b: true, z: null, u: undefined, l: [1, [2], { a: [] }], o: { p: {} } },
  ],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  [
    'objects and lists of another realm',
    runInContext('({ a: [1, { b: [] }], c: {} })', createContext()),
  ],
  // oxlint-disable-next-line no-sparse-arrays
  ['a list with holes, which the worker refuses', { l: [, 1] }],
  ['a function, which no message carries', { f: () => 1 }],
  ['what contains itself, which the worker refuses', { cyclic }],
  ['nothing', undefined],
])('case A13: plain is %s', (_name, value) => {
  expect(notPlain(value)).toBeUndefined();
});
