import type { TransportName } from '../shared/limits.ts';
import type { AuthReason } from '../shared/messages.ts';
import { shared, type AirflowApi } from './support/airflow.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import type { Store } from './support/store.ts';
import { expect, test } from './support/test.ts';

/** Nothing was sent, nothing is lost, and the person is told why, once. */
async function expectParked(device: Device, store: Store, id: string, reason: AuthReason): Promise<void> {
  await eventually(() => device.told<{ reason: AuthReason }>('auth-required'), 'auth-required').toEqual([{ reason }]);
  const { auth, unsent, waiting } = await device.status();
  expect({ auth, unsent, for: waiting?.for }).toEqual({ auth: 'required', unsent: 1, for: reason === 'other-user' ? 'other-user' : 'sign-in' });
  await expect(device.page.getByTestId('auth-bar')).toHaveAttribute('data-reason', reason);
  expect(await device.get(id)).toMatchObject({ revision: 0 });
  expect(await store.record(id)).toBeUndefined();
}

async function expectSentAfterSignIn(device: Device, store: Store, id: string, keep = false): Promise<void> {
  await device.signIn('ana', { keep });
  await device.settled();
  expect(await store.record(id)).toMatchObject({ updated_by: 'ana' });
  expect(await device.get(id)).toMatchObject({ state: 'synced' });
  await expect(device.page.getByTestId('auth-bar')).toHaveCount(0);
}

/** Signs in on Airflow’s own page, in another tab of the same browser. */
async function signInToAirflowUi(device: Device, user: string): Promise<void> {
  const ui = await device.context.newPage();
  await ui.goto(`${device.url}/airflow/auth/login?next=${encodeURIComponent(`${device.url}/airflow/`)}`);
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

/** Under whose name anything of this replica reached Airflow. */
async function senders({ airflow, store, via }: World, replicaId: string): Promise<string[]> {
  if (via === 'plugin')
    return (await store.query<{ user: string }>('SELECT "user" FROM updraft_replicas WHERE replica_id = %s', [replicaId])).map(({ user }) => user);
  const runs = await airflow.runs(`updraft__${replicaId}__`);
  return [...new Set(runs.map(({ triggering_user_name }) => triggering_user_name ?? 'nobody'))];
}

test('fault 23: with the session cookie gone or worthless nothing is lost, the person is asked once, and signing in resumes', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  await device.context.clearCookies();
  await device.put({ id: `${prefix}gone`, site: 'A7', status: 'ok' });
  await expectParked(device, store, `${prefix}gone`, 'refused');
  await expectSentAfterSignIn(device, store, `${prefix}gone`);

  await device.reload(); // what was told before is not told again
  await device.context.addCookies([{ name: '_token', value: 'worthless', domain: '127.0.0.1', path: '/airflow/' }]);
  await device.put({ id: `${prefix}worthless`, site: 'A7', status: 'ok' });
  await expectParked(device, store, `${prefix}worthless`, 'refused');
  await expectSentAfterSignIn(device, store, `${prefix}worthless`);
});

test('fault 23: a kept token that Airflow revoked is dropped, nothing is lost, and signing in resumes', async ({ device, store, prefix }) => {
  const answered = device.context.waitForEvent('response', (response) => response.url().endsWith('/airflow/auth/token'));
  await device.openSignedIn('ana', { keep: true });
  const { access_token: token } = (await (await answered).json()) as { access_token: string };
  await fetch(`${shared().airflow.apiUrl}/auth/logout`, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual' });
  await device.put({ id: `${prefix}revoked`, site: 'A7', status: 'ok' });
  await expectParked(device, store, `${prefix}revoked`, 'refused');
  await expectSentAfterSignIn(device, store, `${prefix}revoked`, true);
});

test('a token in memory is gone with the worker, and the page hands it over again without asking the person', async ({ device, store, airflow, prefix }) => {
  await device.openSignedIn('ana');
  await device.page.evaluate((token) => client().signIn({ getToken: () => token }), await airflow.token('ana'));
  await device.context.clearCookies();
  await device.put({ id: `${prefix}first`, site: 'A7', status: 'ok' });
  await device.settled();
  await device.killWorker();
  await device.put({ id: `${prefix}second`, site: 'A7', status: 'ok' });
  await device.settled();
  expect(await store.record(`${prefix}second`)).toMatchObject({ updated_by: 'ana' });
});

test('fault 38: somebody else signing into Airflow’s own page in the same browser sends nothing of mine under their name', async ({
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

test('fault 38: a session that changes hands in the middle of a replay sends nothing under the other’s name', async ({
  device,
  site,
  store,
  airflow,
  via,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const { replicaId } = await device.status();
  // Airflow has just said that the session is Ana's when it becomes Ben's. A new worker asks; one that has met the plugin no longer does.
  await device.killWorker();
  const held = site.wire.holdAnswer(via === 'dag' ? 'identity' : 'hello');
  const id = `${prefix}mine`;
  await device.put({ id, site: 'A7', status: 'ok', note: 'only Ana may send this' });
  await held.arrived;
  await device.context.addCookies([{ name: '_token', value: await airflow.token('ben'), domain: '127.0.0.1', path: '/airflow/' }]);
  held.release();
  const isDone = async (): Promise<boolean> => (await device.status()).unsent === 0 || (await device.status()).auth === 'required';
  await eventually(isDone, 'sent as Ana, or waiting for Ana').toBe(true);
  expect(await senders({ airflow, store, via }, replicaId)).toEqual(['ana']);
  if ((await device.status()).auth === 'required') await device.signIn('ana');
  await device.settled();
  expect(await store.record(id)).toMatchObject({ updated_by: 'ana' });
  expect(await store.ledger(replicaId)).toMatchObject({ user: 'ana', number: 1 });
});

test(
  'Airflow’s own pages open from the origin that the worker controls, and the worker answers none of their requests',
  { tag: '@once' },
  async ({ device }) => {
    await device.openSignedIn('ana');
    await device.reload();
    expect(await device.page.evaluate(() => navigator.serviceWorker.controller?.scriptURL)).toBe(`${device.url}/sw.js`);
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
