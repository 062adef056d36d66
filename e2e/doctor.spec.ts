// The doctor's check in a real browser, beside a small site with one fault or none.
import { runChecks } from '../cli/doctor/run-checks.ts';
import { Site } from '../cli/doctor/site.ts';
import { CHECKS } from '../cli/doctor/table.ts';
import type { Finding } from '../cli/doctor/finding.ts';
import { SmallSite } from '../cli/testing/small-site.ts';
import { shared } from './support/airflow.ts';
import { expect, test } from './support/test.ts';

const NAMES = ['page', 'secure-context', 'worker', 'airflow', 'browser'];
const WELL = "/* updraft */ self.addEventListener('activate', () => self.clients.claim());";
/** Answers each navigation with the app, as most recipes do; `left` are the paths left alone. */
const route = (left: string): string =>
  `${WELL} self.addEventListener('fetch', (event) => {
    const { pathname } = new URL(event.request.url);
    if (event.request.mode === 'navigate' && !(${left}).test(pathname))
      event.respondWith(fetch('/'));
  });`;

/** What the browser finds of a site with this worker. */
async function findings(worker: string, browser = shared().chromium): Promise<Finding[]> {
  const small = await SmallSite.start({ files: { '/updraft-sw.js': { body: worker } } });
  try {
    const site = new Site({ app: `${small.url}/`, browser });
    const checks = CHECKS.filter(({ name }) => NAMES.includes(name));
    return (await runChecks(site, checks)).filter(({ name }) => name.startsWith('browser'));
  } finally {
    small.close();
  }
}

test('doctor: a worker that leaves Airflow alone is well in a real browser', async () => {
  for (const worker of [WELL, route('/^\\/airflow/')])
    expect((await findings(worker)).map(({ name, state }) => `${name}: ${state}`)).toEqual([
      'browser worker: ok',
      'browser navigation: ok',
    ]);
});

test('doctor, case D6: a route for navigations that swallows the sign-in', async () => {
  expect((await findings(route('/^never/'))).at(-1)).toMatchObject({
    name: 'browser navigation',
    state: 'failed',
    what: expect.stringContaining('/airflow/auth/login with the app'),
    mend: expect.stringContaining('denylist'),
  });
});

test('doctor: a worker that does not run, and one that does not install', async () => {
  expect(await findings('/* updraft */ throw new Error();')).toMatchObject([
    {
      name: 'browser worker',
      state: 'failed',
      what: expect.stringContaining('refuses the worker'),
    },
  ]);
  const broken =
    "/* updraft */ self.addEventListener('install', (event) => event.waitUntil(Promise.reject()));";
  expect(await findings(broken)).toMatchObject([
    {
      name: 'browser worker',
      state: 'failed',
      what: expect.stringContaining('installation fails'),
    },
  ]);
});

test('doctor: a browser that is not there is no fault of the site', async () => {
  expect(await findings(WELL, '/not/there')).toMatchObject([
    { name: 'browser', state: 'skipped', what: expect.stringContaining('does not start') },
  ]);
});
