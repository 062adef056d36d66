import { whichTool } from '../../scripts/lib/browsers.mjs';
import { serveDemo } from '../../scripts/lib/serve.mjs';
import { shared } from '../support/airflow.ts';
import { eventually } from '../support/eventually.ts';
import { portOf } from '../support/lane.ts';
import type { Store } from '../support/store.ts';
import { expect, test } from '../support/test.ts';
import { startFirefox } from './firefox.ts';
import type { OtherBrowser } from './other-browser.ts';
import { startWebKit } from './webkit.ts';

/** Script that waits until the page has a client. */
const CONNECTED = `
  for (let n = 0; !window.updraft && n < 600; n++) await new Promise((r) => setTimeout(r, 50));
  if (!window.updraft) throw new Error('not connected');`;
const status = (browser: OtherBrowser): Promise<{ unsent: number; ready: boolean }> =>
  browser.run(`${CONNECTED} return window.updraft.status();`);

/**
 * The story of each browser: signed in, the whole origin gone, captured, reloaded from the worker's
 * cache, the origin back, drained without help.
 */
async function captureReloadReconnect(
  browser: OtherBrowser,
  store: Store,
  prefix: string,
): Promise<void> {
  const serve = (port: number): ReturnType<typeof serveDemo> =>
    serveDemo({ airflowUrl: shared().airflow.airflowUrl, dir: shared().dir, port });
  let site = await serve(portOf('otherBrowsers'));
  try {
    await browser.open(site.url);
    const hasNoSync = await browser.run<boolean>(
      `const { sync } = await navigator.serviceWorker.ready; return sync === undefined;`,
    );
    expect(hasNoSync, 'no Background Sync here').toBe(true);
    await browser.run(`localStorage.setItem('demo.user', 'ana');`);
    await browser.open(site.url);
    await browser.run(`${CONNECTED}
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ username: 'ana', password: 'ana' });
      const answer = await fetch('/airflow/auth/token', { method: 'POST', headers, body });
      const token = (await answer.json()).access_token;
      await window.updraft.signIn({ getToken: () => token, keep: true });`);
    await eventually(async () => (await status(browser)).ready, 'the first pull').toBe(true);

    await site.close();
    await browser.run(
      `await window.updraft.collection('inspections').put({ id: '${prefix}kept', ` +
        "site: 'A7', status: 'ok', note: 'without a network' });",
    );
    await browser.open(site.url);
    const row = await browser.run<{ state: string; value: { note: string } }>(
      `${CONNECTED} return window.updraft.collection('inspections').get('${prefix}kept');`,
    );
    expect(row.value.note).toBe('without a network');
    expect(row.state, 'captured, not sent').not.toBe('synced');
    expect(await store.records(prefix)).toEqual([]);

    site = await serve(site.port);
    await store.hasLive(prefix, 1, 60_000);
    await eventually(async () => (await status(browser)).unsent, 'settled').toBe(0);
  } finally {
    await site.close();
  }
}

test('Firefox: captured, reloaded, reconnected, drained without Background Sync', async ({
  store,
  prefix,
}) => {
  const firefox = await whichTool('firefox-esr');
  test.skip(
    firefox === undefined,
    'There is no firefox-esr. Install it: sudo apt-get install -y firefox-esr',
  );
  const browser = await startFirefox(firefox ?? '');
  try {
    await captureReloadReconnect(browser, store, prefix);
  } finally {
    await browser.close();
  }
});

test('WebKitGTK: captured, reloaded, reconnected, drained without Background Sync', async ({
  store,
  prefix,
}) => {
  const [driver, miniBrowser, xvfb] = await Promise.all([
    whichTool('WebKitWebDriver'),
    whichTool('MiniBrowser'),
    whichTool('Xvfb'),
  ]);
  const missing = driver === undefined || miniBrowser === undefined || xvfb === undefined;
  test.skip(
    missing,
    'There is no WebKitGTK with its driver, or no Xvfb. Install them: sudo apt-get ' +
      'install -y webkit2gtk-driver xvfb',
  );
  const browser = await startWebKit({
    driver: driver ?? '',
    miniBrowser: miniBrowser ?? '',
    xvfb: xvfb ?? '',
  });
  try {
    await captureReloadReconnect(browser, store, prefix);
  } finally {
    await browser.close();
  }
});
