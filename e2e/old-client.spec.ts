import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../scripts/lib/paths.mjs';
import { serveDemo } from '../scripts/lib/serve.mjs';
import { MESSAGES_FLOOR } from '../shared/protocol-version.ts';
import { shared } from './support/airflow.ts';
import { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const run = promisify(execFile);
/** The client as packed at commit 2d1ccee: messages of version 3. */
const OLD_CLIENT = 'clients/2d1ccee';
const HEARTBEAT_MS = 20_000;
const PAGE = `<!doctype html><html lang="en"><title>Old page</title><script type="module">
import { connect } from '/client.js';
const worker = '/updraft-sw.js?airflow=/airflow&collections=/collections.json';
window.updraft = await connect({ worker, user: 'ana' });
await window.updraft.signIn({ cookie: true });
</script></html>`;

/** Builds an app as deployed with that client, with today's worker in the old worker's place. */
async function oldPageWithNewWorker(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'updraft-e2e-old-'));
  await cp(join(root, 'e2e', OLD_CLIENT), dir, { recursive: true });
  await cp(join(root, 'demo', 'collections.json'), join(dir, 'collections.json'));
  await writeFile(join(dir, 'index.html'), PAGE);
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  await run(
    process.execPath,
    [vite, 'build', '--mode', 'worker', '--outDir', dir, '--logLevel', 'error'],
    { cwd: root },
  );
  return dir;
}

test('fault 15: an earlier page captures, reads and edits with today’s worker', async ({
  airflow,
  store,
  prefix,
}) => {
  const dir = await oldPageWithNewWorker();
  const server = await serveDemo({ airflowUrl: shared().airflow.airflowUrl, dir, port: 0 });
  const device = await Device.start({ url: server.url });
  await device.context.clock.install();
  try {
    await device.context.addCookies([await airflow.cookie('ana')]);
    const page = await device.open();
    await page.waitForFunction(() => 'updraft' in window);
    await eventually(async () => (await device.status()).ready, 'the first pull').toBe(true);
    await device.setOffline(true);
    const id = `${prefix}old-page`;
    const verdict = page.evaluate(async (name) => {
      const inspections = client().collection('inspections');
      const { settled } = await inspections.put({ id: name, site: 'A7', status: 'ok' });
      await inspections.patch(name, { note: 'by an old page' });
      return (await settled).verdict;
    }, id);
    await eventually(() => device.rows(prefix), 'what is captured offline').toMatchObject([
      { id, state: 'local', value: { note: 'by an old page' } },
    ]);
    await device.setOffline(false);
    await device.syncUntilSettled();
    // The old page knows no channel of an app, and asks for its events with each heartbeat.
    await device.context.clock.fastForward(HEARTBEAT_MS);
    expect(await verdict).toBe('applied');
    expect(await store.record(id)).toMatchObject({
      fields: { site: 'A7', note: 'by an old page' },
      updated_by: 'ana',
    });
  } finally {
    await device.dispose();
    await server.close();
    await rm(dir, { recursive: true });
  }
});

test('fault 15: a page older than the supported versions is told to reload', async ({
  device,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const told = await device.page.evaluate(
    async ([id, version]) => {
      const { port1, port2 } = new MessageChannel();
      const answer = new Promise<{ error?: { kind: string } }>((resolve) => {
        port1.onmessage = ({ data }: MessageEvent<{ error?: { kind: string } }>) => resolve(data);
      });
      const change = { op: 'put', value: { id, site: 'A7', status: 'ok' } };
      const command = { type: 'capture', requestId: 'old', collection: 'inspections', change };
      navigator.serviceWorker.controller?.postMessage({ updraft: version, user: 'ana', command }, [
        port2,
      ]);
      return (await answer).error?.kind;
    },
    [`${prefix}too-old`, MESSAGES_FLOOR - 1] as const,
  );
  expect(told).toBe('reload-needed');
  expect(await device.rows(prefix)).toEqual([]);
});
