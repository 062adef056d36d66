import type { TransportName } from '../shared/limits.ts';
import type { AuthReason } from '../shared/messages.ts';
import { shared, type AirflowApi } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';

/**
 * Expects that nothing was sent, nothing is lost, and the pages were told this reason so many
 * times.
 */
async function expectParked(
  device: Device,
  store: Store,
  id: string,
  reason: AuthReason,
  times = 1,
): Promise<void> {
  const told = Array.from({ length: times }, () => ({ reason }));
  await eventually(
    () => device.told<{ reason: AuthReason }>('auth-required'),
    'auth-required',
  ).toEqual(told);
  const standing = async (): Promise<object> => {
    const { auth, unsent, waiting } = await device.status();
    return { auth, unsent, for: waiting?.for };
  };
  await eventually(standing, 'parked').toEqual({
    auth: 'required',
    unsent: 1,
    for: reason === 'other-user' ? 'other-user' : 'sign-in',
  });
  await expect(device.page.getByTestId('auth-bar')).toHaveAttribute('data-reason', reason);
  expect(await device.get(id)).toMatchObject({ revision: 0 });
  expect(await store.record(id)).toBeUndefined();
}

async function expectSentAfterSignIn(
  device: Device,
  store: Store,
  id: string,
  keep = false,
): Promise<void> {
  await device.signIn('ana', { keep });
  await device.settled();
  expect(await store.record(id)).toMatchObject({ updated_by: 'ana' });
  expect(await device.get(id)).toMatchObject({ state: 'synced' });
  await expect(device.page.getByTestId('auth-bar')).toHaveCount(0);
}

/** Signs in on Airflow’s own page, in another tab of the same browser. */
async function signInToAirflowUi(device: Device, user: string): Promise<void> {
  const ui = await device.context.newPage();
  await ui.goto(
    `${device.url}/airflow/auth/login?next=${encodeURIComponent(`${device.url}/airflow/`)}`,
  );
  await ui.getByRole('textbox', { name: /username/i }).fill(user);
  await ui.locator('input[type=password]').fill(user);
  await ui.getByRole('button', { name: /sign in/i }).click();
  await ui.waitForURL(`${device.url}/airflow/`);
  await ui.close();
}

interface World {
  readonly airflow: AirflowApi;
  readonly store: Store;
  readonly via: TransportName;
}

/** Returns the users under whose names this replica reached Airflow. */
async function senders({ airflow, store, via }: World, replicaId: string): Promise<string[]> {
  if (via === 'plugin')
    return (
      await store.query<{ user: string }>(
        'SELECT "user" FROM updraft_replicas WHERE replica_id = %s',
        [replicaId],
      )
    ).map(({ user }) => user);
  const runs = await airflow.runs(`updraft__${replicaId}__`);
  return [...new Set(runs.map(({ triggering_user_name }) => triggering_user_name ?? 'nobody'))];
}

test('fault 23: cookie gone or worthless: nothing lost, asked once, signing in resumes', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.context.clearCookies();
  await device.put({ id: `${prefix}gone`, site: 'A7', status: 'ok' });
  await expectParked(device, store, `${prefix}gone`, 'refused');
  await expectSentAfterSignIn(device, store, `${prefix}gone`);

  await device.reload(); // past events are not told again
  await device.context.addCookies([
    { name: '_token', value: 'worthless', domain: '127.0.0.1', path: '/airflow/' },
  ]);
  await device.put({ id: `${prefix}worthless`, site: 'A7', status: 'ok' });
  await expectParked(device, store, `${prefix}worthless`, 'refused');
  await expectSentAfterSignIn(device, store, `${prefix}worthless`);
});

test('fault 23: a revoked kept token is dropped, nothing is lost, signing in resumes', async ({
  device,
  store,
  prefix,
}) => {
  const answered = device.context.waitForEvent('response', (response) =>
    response.url().endsWith('/airflow/auth/token'),
  );
  await device.openSignedIn('ana', { keep: true });
  const { access_token: token } = (await (await answered).json()) as { access_token: string };
  await fetch(`${shared().airflow.apiUrl}/auth/logout`, {
    headers: { authorization: `Bearer ${token}` },
    redirect: 'manual',
  });
  await device.put({ id: `${prefix}revoked`, site: 'A7', status: 'ok' });
  // Once when the page was asked for another token, and once when that token was refused too.
  await expectParked(device, store, `${prefix}revoked`, 'refused', 2);
  await expectSentAfterSignIn(device, store, `${prefix}revoked`, true);
});

test('a token in memory ends with the worker; the page gives the token again unasked', async ({
  device,
  store,
  airflow,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.page.evaluate(
    (token) => client().signIn({ getToken: () => token }),
    await airflow.token('ana'),
  );
  await device.context.clearCookies();
  await device.put({ id: `${prefix}first`, site: 'A7', status: 'ok' });
  await device.settled();
  await device.killWorker();
  await device.put({ id: `${prefix}second`, site: 'A7', status: 'ok' });
  await device.settled();
  expect(await store.record(`${prefix}second`)).toMatchObject({ updated_by: 'ana' });
});

test('fault 38: another user’s sign-in on Airflow’s page sends nothing of mine as theirs', async ({
  device,
  store,
  airflow,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  await signInToAirflowUi(device, 'ben');
  const id = `${prefix}mine`;
  await device.put({ id, site: 'A7', status: 'ok', note: 'only Ana may send this' });
  await expectParked(device, store, id, 'other-user');
  await device.sync();
  expect(await senders({ airflow, store, via }, replicaId)).toEqual(['ana']);
  expect(await store.ledger(replicaId)).toMatchObject({ user: 'ana', number: 0 });

  await expectSentAfterSignIn(device, store, id);
  expect(await senders({ airflow, store, via }, replicaId)).toEqual(['ana']);
});

test('fault 38: a session that changes hands during a replay sends nothing as the other', async ({
  device,
  site,
  store,
  airflow,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  // Airflow has just said that the session is Ana's when the session becomes Ben's. A new worker
  // asks; a worker that has met the plugin no longer asks.
  await device.killWorker();
  const held = site.wire.holdAnswer(via === 'dag' ? 'identity' : 'hello');
  const id = `${prefix}mine`;
  await device.put({ id, site: 'A7', status: 'ok', note: 'only Ana may send this' });
  await held.arrived;
  await device.context.addCookies([await airflow.cookie('ben')]);
  held.release();
  const isDone = async (): Promise<boolean> =>
    (await device.status()).unsent === 0 || (await device.status()).auth === 'required';
  await eventually(isDone, 'sent as Ana, or waiting for Ana').toBe(true);
  expect(await senders({ airflow, store, via }, replicaId)).toEqual(['ana']);
  if ((await device.status()).auth === 'required') await device.signIn('ana');
  await device.settled();
  expect(await store.record(id)).toMatchObject({ updated_by: 'ana' });
  expect(await store.ledger(replicaId)).toMatchObject({ user: 'ana', number: 1 });
});

test(
  'Airflow’s own pages open under the worker’s origin, unanswered by the worker',
  { tag: '@once' },
  async ({ device }) => {
    await device.openSignedIn('ana');
    await device.reload();
    expect(await device.page.evaluate(() => navigator.serviceWorker.controller?.scriptURL)).toBe(
      `${device.url}/sw.js`,
    );
    const ui = await device.context.newPage();
    const byWorker: string[] = [];
    const answered: string[] = [];
    ui.on('response', (response) => {
      answered.push(response.url());
      if (response.fromServiceWorker()) byWorker.push(response.url());
    });
    await ui.goto(`${device.url}/airflow/dags/updraft_exchange`);
    await expect(ui.getByRole('heading', { name: 'updraft_exchange' })).toBeVisible();
    await expect(ui).toHaveTitle(/Airflow/);
    expect(answered.length).toBeGreaterThan(5);
    expect(byWorker).toEqual([]);
  },
);

test(
  'case D4: a refused token is requested once more; refused again, the person is asked',
  { tag: '@once' },
  async ({ device, store, airflow, prefix }) => {
    await device.openSignedIn('ana');
    await device.context.clearCookies();
    const fresh = await airflow.token('ana');
    const signIn = (tokens: readonly string[], keep: boolean): Promise<void> =>
      device.page.evaluate(
        async (given) => {
          const noted = window as unknown as { asked: number };
          noted.asked = 0;
          await client().signIn({
            getToken: () => given.tokens[noted.asked++] ?? 'none',
            keep: given.keep,
          });
        },
        { tokens, keep },
      );
    const asked = (): Promise<number> =>
      device.page.evaluate(() => (window as unknown as { asked: number }).asked);
    for (const keep of [true, false]) {
      const id = `${prefix}${keep}`;
      await device.put({ id, site: 'A7', status: 'ok' });
      await signIn(['old', fresh], keep);
      await device.settled();
      expect(await store.record(id)).toMatchObject({ updated_by: 'ana' });
      // The change may have gone with the token before; the old token is refused all the same.
      await eventually(asked, 'a token instead of the old one').toBe(2);

      await signIn(['old', 'older', fresh], keep);
      await eventually(asked, 'tokens asked for').toBe(2);
      await eventually(async () => (await device.status()).auth, 'a person is asked').toBe(
        'required',
      );
      await device.put({ id: `${id}-parked`, site: 'A7', status: 'ok' });
      await device.sync();
      expect(await device.status()).toMatchObject({ unsent: 1, waiting: { for: 'sign-in' } });
      expect(await asked(), 'and no more').toBe(2);
      await signIn([fresh], keep);
      await device.settled();
    }
  },
);
