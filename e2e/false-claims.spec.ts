import { expect, test } from './support/test.ts';

test('case B4: a viewer’s false claim of newer knowledge makes no other device read again', async ({
  device,
  airflow,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.put({ id: `${prefix}c`, site: 'A7', status: 'ok' });
  await device.syncUntilSettled();
  const epoch = async (): Promise<string | undefined> =>
    (await store.query<{ epoch: string }>('SELECT epoch FROM updraft_meta'))[0]?.epoch;
  const before = await epoch();
  const claim = {
    protocol: 1,
    user: 'vera',
    epoch: before,
    last: null,
    since: Number.MAX_SAFE_INTEGER,
    floor: 0,
    limit: 10,
  };
  for (const lie of [
    claim,
    { ...claim, since: 1 },
    { ...claim, last: { number: 9, nonce: 'n' } },
  ]) {
    const answer = await airflow.exchange(
      { ...lie, replicaId: `${prefix}${JSON.stringify(lie).length}` },
      'vera',
    );
    expect(answer).toMatchObject({ status: 200, body: { reset: true } });
  }
  expect(await epoch()).toBe(before);
  await device.put({ id: `${prefix}c`, site: 'A7', status: 'ok', note: 'goes on' });
  await device.syncUntilSettled();
  expect((await store.record(`${prefix}c`))?.fields).toMatchObject({ note: 'goes on' });
  expect(
    (
      await store.query<{ epoch: string }>(
        'SELECT epoch FROM updraft_replicas WHERE replica_id = %s',
        [(await device.status()).replicaId],
      )
    )[0]?.epoch,
  ).toBe(before);
});
