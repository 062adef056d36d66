import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const PAGE =
  '<!doctype html><title>403 Forbidden</title><h1>403 Forbidden</h1><p>Your request ' +
  'was blocked by the security policy.</p>';

test('case A9: a record refused by a firewall is a dead letter, all others arrive', async ({
  device,
  newDevice,
  site,
  store,
  via,
  prefix,
}) => {
  test.setTimeout(540_000);
  await device.openSignedIn('ana');
  site.wire.guard({
    refuses: (body) => body.includes('DROP TABLE'),
    status: 403,
    type: 'text/html',
    body: PAGE,
  });
  await device.captureAsOneBatch(async () => {
    await device.put({
      id: `${prefix}w-bad`,
      site: 'A7',
      status: 'ok',
      note: "they wrote '; DROP TABLE on the wall",
    });
    for (let n = 0; n < 5; n++)
      await device.put({ id: `${prefix}w-${n}`, site: 'A7', status: 'ok', visits: 1 });
  });
  await eventually(() => device.deadLetters(), 'the dead letter', 120_000).toMatchObject([
    {
      kind: 'mutation',
      id: `${prefix}w-bad`,
      reason: {
        kind: 'refused-on-the-way',
        message: expect.stringMatching(/status 403: 403 Forbidden.*blocked by the security policy/),
      },
    },
  ]);
  await eventually(async () => (await device.status()).unsent, 'all others', 30_000).toBe(1);
  const records = await store.hasLive(`${prefix}w-`, 5);
  expect(records.every(({ fields }) => fields['visits'] === 1)).toBe(true);

  // The lane goes on, both ways.
  const ben = await newDevice();
  await ben.openSignedIn('ben');
  await ben.put({ id: `${prefix}news`, site: 'B2', status: 'ok' });
  await ben.settled();
  await device.sync();
  expect(await device.get(`${prefix}news`)).toMatchObject({ state: 'synced' });
  expect(await device.status()).toMatchObject({
    via,
    unsent: 1,
    deadLetters: 1,
    waiting: { for: 'person' },
  });

  // The wire works again, and the person sends the record again.
  site.wire.heal();
  await device.page.evaluate(
    (id) => client().retry({ kind: 'mutation', collection: 'inspections', id }),
    `${prefix}w-bad`,
  );
  await device.settled();
  expect(await store.record(`${prefix}w-bad`)).toBeDefined();
});
