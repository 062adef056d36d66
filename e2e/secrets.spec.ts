import { randomBytes } from 'node:crypto';
import { filesWithSecrets, tablesWithSecrets } from './support/secrets.ts';
import { expect, test } from './support/test.ts';

// Each test's profiles are searched when the test ends, and the store when all tests have ended
// (support/test.ts). This test shows that the search finds planted secrets.
test('a planted secret is found in IndexedDB, local storage, a cache, the server’s store', async ({
  device,
  store,
  prefix,
}) => {
  const planted = { indexedDb: secret(), localStorage: secret(), cache: secret() };
  await device.openSignedIn('ana', { keep: true });
  const stored = secret();
  await device.put({ id: `${prefix}planted`, site: 'A7', status: 'ok', note: stored });
  await device.page.evaluate(async ({ indexedDb, localStorage: kept, cache }) => {
    localStorage.setItem('planted', kept);
    await (await caches.open('planted')).put('/planted', new Response(cache));
    await client()
      .collection('inspections')
      .put({ id: `planted-${Math.random()}`, site: 'A7', status: 'ok', note: indexedDb });
  }, planted);
  await device.settled();
  await device.context.close();
  for (const [place, token] of Object.entries(planted))
    expect(await filesWithSecrets(device.profile, [token]), place).not.toEqual([]);
  expect(
    await filesWithSecrets(device.profile, [secret()]),
    'nothing is found that is not there',
  ).toEqual([]);
  expect(await tablesWithSecrets(store, [stored])).toContain('updraft_records');
  expect(await tablesWithSecrets(store, [secret()])).toEqual([]);
});

const secret = (): string => randomBytes(60).toString('hex');
