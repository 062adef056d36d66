import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { randomOf, seedOf } from './support/random.ts';
import { expect, test } from './support/test.ts';

/** Room for the app's own files, a first pull, and some hundred captures. */
const QUOTA_BYTES = 1_000_000;

/**
 * Limits the origin's quota. The browser checks the limit anew only when the last estimate is used
 * up: set before the app first stores data.
 */
function limit({ cdp, url }: Device, quotaSize?: number): Promise<unknown> {
  return cdp.send('Storage.overrideQuotaForOrigin', {
    origin: new URL(url).origin,
    ...(quotaSize === undefined ? {} : { quotaSize }),
  });
}

interface Outcome {
  readonly id: string;
  /** The kind of error of a capture; undefined: acknowledged. */
  readonly kind: string | undefined;
}

/** Captures, some in parallel, until a whole round is refused. Sizes in characters. */
function captureUntilFull(
  { page }: Device,
  prefix: string,
  sizes: readonly number[],
): Promise<Outcome[]> {
  return page.evaluate(
    async ({ start, lengths }) => {
      const text = (length: number): string =>
        Array.from({ length }, () => String.fromCharCode(97 + Math.random() * 26)).join('');
      const outcomes: Outcome[] = [];
      for (let n = 0; n < lengths.length; n += 10) {
        const round = await Promise.all(
          lengths.slice(n, n + 10).map(async (length, at) => {
            const id = `${start}${String(n + at).padStart(4, '0')}`;
            const failed = await client()
              .collection('inspections')
              .put({ id, site: 'A7', status: 'ok', note: text(length) })
              .then(
                () => undefined,
                (error: unknown) => error as { kind?: string },
              );
            return { id, kind: failed && (failed.kind ?? 'untyped') };
          }),
        );
        outcomes.push(...round);
        if (round.every(({ kind }) => kind !== undefined)) break;
      }
      return outcomes;
    },
    { start: prefix, lengths: sizes },
  );
}

/** Captures more records to the server than the limited device has room for. */
async function fillStore({ page }: Device, prefix: string, count: number): Promise<void> {
  await page.evaluate(
    async ({ start, total }) => {
      const text = (): string =>
        Array.from({ length: 2_000 }, () => String.fromCharCode(97 + Math.random() * 26)).join('');
      const inspections = client().collection('inspections');
      await Promise.all(
        Array.from({ length: total }, (_, n) =>
          inspections.put({ id: `${start}${n}`, site: 'A7', status: 'ok', note: text() }),
        ),
      );
    },
    { start: prefix, total: count },
  );
}

test('fault 11: without room a capture is refused; accepted captures arrive later', async ({
  newDevice,
  store,
  prefix,
}) => {
  const seed = seedOf();
  const random = randomOf(seed);
  const [device, other] = await Promise.all([newDevice(), newDevice()]);
  await limit(device, QUOTA_BYTES);
  await Promise.all([device.openSignedIn('ana'), other.openSignedIn('ben')]);
  await device.setOffline(true);
  const sizes = Array.from({ length: 2_000 }, () => Math.floor(1_000 + random() * 1_000));
  const [outcomes] = await Promise.all([
    captureUntilFull(device, `${prefix}a`, sizes),
    fillStore(other, `${prefix}b`, 150).then(() => other.settled()),
  ]);
  const accepted = outcomes.filter(({ kind }) => kind === undefined).map(({ id }) => id);
  expect([...new Set(outcomes.flatMap(({ kind }) => kind ?? []))], `UPDRAFT_SEED=${seed}`).toEqual([
    'storage-full',
  ]);
  const expectKept = async (): Promise<void> => {
    expect((await device.outbox()).map(({ id }) => id).sort()).toEqual(accepted);
    expect((await device.rows(`${prefix}a`)).map(({ id }) => id)).toEqual(accepted);
  };
  await expectKept();

  await device.setOffline(false);
  await eventually(
    async () => (await device.status()).waiting,
    'the status says what is missing',
  ).toMatchObject({ for: 'storage' });
  await expectKept();

  await limit(device);
  // An earlier drain may still be refused.
  const sync = (): Promise<unknown> => device.sync().catch(() => undefined);
  await eventually(
    async () => (await sync(), (await device.status()).unsent),
    'changes not settled yet',
  ).toBe(0);
  expect(
    (await store.records(`${prefix}a`)).map(({ id, revision, created }) => [
      id,
      revision === created,
    ]),
  ).toEqual(accepted.map((id) => [id, true]));
  await eventually(
    async () => (await device.rows(`${prefix}b`)).length,
    'what did not fit is read',
  ).toBe(150);
  expect((await device.status()).waiting).toBeUndefined();
});
