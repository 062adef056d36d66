import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { whichTool } from '../../scripts/lib/browsers.mjs';
import { serveDemo } from '../../scripts/lib/serve.mjs';
import { shared } from '../support/airflow.ts';
import { eventually } from '../support/eventually.ts';
import { portOf } from '../support/lane.ts';
import { expect, test } from '../support/test.ts';
import { startWebKit } from './webkit.ts';

/** A promise that `open` resolves. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/**
 * Serves the demo with a worker that, while being evaluated, asks for a further script and waits
 * until `end` is called.
 */
async function serveHeldWorker() {
  const { airflow, dir } = shared();
  const script = await readFile(join(dir, 'sw.js'), 'utf8');
  const started = gate();
  const ended = gate();
  const site = await serveDemo({
    airflowUrl: airflow.airflowUrl,
    dir,
    port: portOf('otherBrowsers'),
    async intercept({ url }, response) {
      if (url !== '/sw.js' && url !== '/held.js') return false;
      if (url === '/held.js') {
        started.open();
        await ended.opened;
      }
      response
        .writeHead(200, { 'content-type': 'text/javascript' })
        .end(url === '/sw.js' ? `importScripts('/held.js');${script}` : '');
      return true;
    },
  });
  return { site, evaluating: started.opened, end: ended.open };
}

test('WebKitGTK: the page left during the first install; the next page connects and sends', async ({
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
  const { site, evaluating, end } = await serveHeldWorker();
  const browser = await startWebKit({
    driver: driver ?? '',
    miniBrowser: miniBrowser ?? '',
    xvfb: xvfb ?? '',
  });
  try {
    await browser.open(site.url);
    await browser.run(`localStorage.setItem('demo.user', 'ana');`);
    await evaluating;
    await browser.open(site.url);
    end();
    await eventually(
      () => browser.run<boolean>(`return window.updraft !== undefined;`),
      'connected',
      60_000,
    ).toBe(true);
    const state = await browser.run<string[]>(
      `const { installing, active } = await navigator.serviceWorker.getRegistration();
       return [installing?.state ?? '', active?.state ?? ''];`,
    );
    expect(state, 'the installation never ends').toEqual(['installing', '']);
    await browser.run(`
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ username: 'ana', password: 'ana' });
      const answer = await fetch('/airflow/auth/token', { method: 'POST', headers, body });
      const token = (await answer.json()).access_token;
      await window.updraft.signIn({ getToken: () => token, keep: true });
      const inspections = window.updraft.collection('inspections');
      await inspections.put({ id: '${prefix}early', site: 'A7', status: 'ok' });`);
    await store.hasLive(prefix, 1, 60_000);
    await eventually(
      () => browser.run<number>(`return (await window.updraft.status()).unsent;`),
      'settled',
    ).toBe(0);
  } finally {
    end();
    await browser.close();
    await site.close();
  }
});
