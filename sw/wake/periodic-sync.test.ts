import { expect, test } from 'vitest';
import { registerPeriodicSync } from './periodic-sync.ts';

test('the browser is asked for once an hour; the browser decides', async () => {
  const asked: [string, object][] = [];
  const periodicSync = {
    register: async (tag: string, options: object) => void asked.push([tag, options]),
  };
  expect(await registerPeriodicSync({ periodicSync })).toBe(true);
  expect(asked).toEqual([['updraft', { minInterval: 3_600_000 }]]);
});

test('a browser without periodic sync, or an app that is not installed, is no error', async () => {
  expect(await registerPeriodicSync({})).toBe(false);
  expect(
    await registerPeriodicSync({
      periodicSync: { register: () => Promise.reject(new Error('NotAllowedError')) },
    }),
  ).toBe(false);
});
