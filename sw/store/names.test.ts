import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { appOf, lockPrefix, nameOf, oldNameOf, userOf, userOfOld } from './names.ts';

const scope = fc.webUrl({ withQueryParameters: true }).map((url) => new URL(url).href);
const user = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 250 }),
  fc.constantFrom(
    '/',
    ':',
    ' ',
    ' /a/ ',
    'updraft@/a/ ana',
    'updraft:ana',
    'ａna',
    '\ud800',
    'é',
    'e\u0301',
    'x'.repeat(250),
  ),
);

test('case B12: no two pairs of app and user share a name, and none is an old name', () => {
  fc.assert(
    fc.property(scope, scope, user, user, (scopeA, scopeB, a, b) => {
      const [appA, appB] = [appOf(scopeA), appOf(scopeB)];
      const name = nameOf(appA, a);
      expect(name === nameOf(appB, b)).toBe(appA === appB && a === b);
      expect(userOf(appA, name)).toBe(a);
      if (appA !== appB) expect(userOf(appB, name)).toBeUndefined();
      expect(userOfOld(name)).toBeUndefined();
      expect(lockPrefix(name, a) === lockPrefix(nameOf(appB, b), b)).toBe(appA === appB && a === b);
    }),
    { numRuns: 2_000 },
  );
});

test('a user whose name looks like an app’s gets no access to that app', () => {
  expect(nameOf('/', '/a/ ana')).not.toBe(nameOf('/a/', 'ana'));
  expect(userOf('/', nameOf('/a/', 'ana'))).toBeUndefined();
  expect(userOfOld(oldNameOf('/a/ ana'))).toBe('/a/ ana');
});

test('a replica under its old name keeps the locks of the earlier worker', () => {
  expect(`${lockPrefix(oldNameOf('ana'), 'ana')}drain:ana`).toBe('updraft:drain:ana');
  expect(lockPrefix(nameOf('/a/', 'ana'), 'ana')).toBe('updraft@/a/ ana:');
});
