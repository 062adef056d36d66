import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Status } from '../client/index.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { databaseOf, isMirroredOn } from './support/profile-storage.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';

const DAMAGES = ['truncate', 'flip', 'zero'] as const;
type Damage = (typeof DAMAGES)[number];

/**
 * Damages a file: cut off at a place, some bytes flipped, or zeros from there on. `at`: in [0, 1).
 */
async function harm(path: string, damage: Damage, at: number): Promise<void> {
  const { size } = await stat(path);
  const place = Math.floor(size * at);
  const file = await open(path, 'r+');
  if (damage === 'truncate') await file.truncate(place);
  const length = damage === 'zero' ? size - place : Math.min(64, size - place);
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, place);
  if (damage !== 'truncate')
    await file.write(
      damage === 'zero' ? Buffer.alloc(length) : bytes.map((byte) => byte ^ 0xff),
      0,
      length,
      place,
    );
  await file.close();
}

/** Signs in, and waits until the app has stopped asking, so that any later question is new. */
async function signInAsked(device: Device): Promise<void> {
  await device.signIn('ana', { keep: true });
  await expect(device.page.getByTestId('sign-in')).toHaveCount(0);
}

/**
 * Opens the damaged app. The last user and the kept token may be forgotten: then the app asks, at
 * once or when Airflow does.
 */
async function openWhatIsLeft(device: Device): Promise<void> {
  await device.open();
  const asked = device.page.getByTestId('user');
  await eventually(
    async () =>
      (await asked.isVisible()) || (await device.page.evaluate(() => window.updraft !== undefined)),
    'the app is open',
  ).toBe(true);
  if (await asked.isVisible()) await signInAsked(device);
  else await device.connected();
}

async function settleSignedIn(device: Device): Promise<void> {
  const bar = device.page.getByTestId('auth-bar');
  await eventually(
    async () => (await device.status()).unsent === 0 || (await bar.isVisible()),
    'sent, or a sign-in is asked for',
  ).toBe(true);
  if (await bar.isVisible()) await signInAsked(device);
  await device.syncUntilSettled();
}

test('fault 9: damaged database files: captures are there or restored, and arrive once', async ({
  device,
  newDevice,
  store,
  prefix,
}) => {
  const seed = seedOf();
  const random = randomOf(seed);
  const drawn = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  let current = device;
  const ids: string[] = [];
  /** Captures without a network and ends the browser; returns the files of the database. */
  const captureAndClose = async (round: string): Promise<string[]> => {
    await current.setOffline(true);
    const [counted, last] = [`${prefix}${round}a`, `${prefix}${round}b`];
    await current.put({ id: counted, site: 'A7', status: 'ok', visits: 1 });
    await current.increment(counted, 1);
    // Never the last change: a mirror that holds every record holds this change too.
    await current.put({ id: last, site: 'A7', status: 'ok', visits: 2 });
    ids.push(counted, last);
    await eventually(
      () => isMirroredOn(current, 'ana', [counted, last]),
      'the mirror has caught up',
    ).toBe(true);
    await current.close();
    const folder = await databaseOf(current);
    return (await readdir(folder))
      .filter((name) => !/^LO(CK|G)/.test(name))
      .map((name) => join(folder, name));
  };
  const shown = async (): Promise<string[]> => (await current.rows(prefix)).map(({ id }) => id);
  /**
   * The network is back, and restored work may be sent at once: unsent or not, the work is there.
   * Work that Airflow has too may need a sign-in first.
   */
  const reopen = async (): Promise<Status> => {
    current = await newDevice({ profile: device.profile });
    await openWhatIsLeft(current);
    expect(await shown(), `UPDRAFT_SEED=${seed}`).toEqual(expect.arrayContaining(ids.slice(-2)));
    const status = await current.status();
    await settleSignedIn(current);
    await eventually(shown, `UPDRAFT_SEED=${seed}`).toEqual(ids);
    return status;
  };

  await device.openSignedIn('ana', { keep: true });
  for (const file of await captureAndClose('0'))
    if (basename(file).startsWith('MANIFEST')) await harm(file, 'zero', 0);
  expect((await reopen()).storageLost).toMatchObject({ unsent: 2, restored: 2 });

  const harmed = drawn(await captureAndClose('1'));
  if (harmed !== undefined) await harm(harmed, drawn(DAMAGES) ?? 'zero', random());
  await reopen();

  expect(
    (await store.records(prefix)).map(({ id, fields, created, revision }) => [
      id,
      fields['visits'],
      created === revision,
    ]),
  ).toEqual(ids.map((id) => [id, 2, true]));
});
