import { expect, test } from 'vitest';
import { testUpdraft } from 'airflow-updraft/testing';
import collections from './collections.json';
import type { Collections } from './collections.ts';
import { COLLECTION } from './settings.ts';

test('an entry that was captured without a network reaches Airflow', async () => {
  const { updraft, offline, online, server } = await testUpdraft<Collections>({ collections });
  offline();
  await updraft.collection(COLLECTION).put({ id: 'a', site: 'A7', status: 'ok' });
  await online();
  expect(server.record(COLLECTION, 'a')).toEqual({ id: 'a', site: 'A7', status: 'ok' });
});
