import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveDemo } from './serve.mjs';

/** @type {Array<() => unknown>} */
let undo = [];
/** @type {string} */
let dir;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'updraft-serve-'));
  mkdirSync(join(dir, 'assets'));
  for (const [name, text] of [
    ['index.html', 'the app'],
    ['sw.js', 'the worker'],
    ['assets/a-1.js', 'a'],
  ])
    writeFileSync(join(dir, name ?? ''), text ?? '');
  undo.push(() => rmSync(dir, { recursive: true }));
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
  undo = [];
});

/**
 * @param {import('node:http').RequestListener} listener
 * @param {import('./serve.mjs').ServeOptions['intercept']} [intercept]
 */
async function site(listener, intercept) {
  const airflow = createServer(listener);
  await new Promise((resolve) => airflow.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = airflow.address();
  const port = address && typeof address === 'object' ? address.port : 0;
  const airflowUrl = `http://127.0.0.1:${port}/airflow`;
  const served = await serveDemo({ airflowUrl, dir, port: 0, ...(intercept && { intercept }) });
  undo.push(
    () => served.close(),
    () => airflow.close(),
    () => airflow.closeAllConnections(),
  );
  return { url: served.url, airflow };
}

test('the worker and the page are asked for each time, hashed files never again', async () => {
  const { url } = await site((_, response) => response.end());
  const cacheControl = async (/** @type {string} */ path) =>
    (await fetch(url + path)).headers.get('cache-control');
  expect(await cacheControl('/sw.js')).toBe('no-cache');
  expect(await cacheControl('/')).toBe('no-cache');
  expect(await cacheControl('/assets/a-1.js')).toMatch(/immutable/);
});

test("the app's places get the app, a missing file 404, and other folders nothing", async () => {
  const { url } = await site((_, response) => response.end());
  expect(await (await fetch(`${url}/sent`)).text()).toBe('the app');
  expect((await fetch(`${url}/gone.js`)).status).toBe(404);
  expect((await fetch(`${url}/..%2f..%2f..%2fetc/passwd.txt`)).status).toBe(404);
  expect((await fetch(`${url}/%ff.txt`)).status).toBe(404);
});

test("Airflow's streams arrive in pieces, with cookies and the browser's Host", async () => {
  /** @type {() => void} */
  let more = () => {};
  const { url } = await site((request, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.write(`${request.headers.host}\n`);
    more = () => response.end('last');
  });
  const answer = await fetch(`${url}/airflow/api/v2/wait`);
  const reader = answer.body?.getReader();
  const first = await reader?.read();
  // before the answer is complete
  expect(new TextDecoder().decode(first?.value)).toBe(`${new URL(url).host}\n`);
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  more();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('last');
});

test('an answer cut off on the way is not closed as if it were whole', async () => {
  const { url } = await site((_, response) => {
    response.write('half');
    setTimeout(() => response.destroy(), 20);
  });
  const answer = await fetch(`${url}/airflow/x`);
  await expect(answer.text()).rejects.toThrow();
});

test('without Airflow the answer is 502, and the app is still served', async () => {
  const { url, airflow } = await site((_, response) => response.end());
  await new Promise((resolve) => airflow.close(resolve));
  expect((await fetch(`${url}/airflow/api/v2/version`)).status).toBe(502);
  expect((await fetch(url)).status).toBe(200);
});

test('a test can answer in Airflow’s place', async () => {
  const { url } = await site(
    (_, response) => response.end('airflow'),
    (request, response) =>
      request.url === '/airflow/portal' && Boolean(response.end('<html>sign in</html>')),
  );
  expect(await (await fetch(`${url}/airflow/portal`)).text()).toBe('<html>sign in</html>');
  expect(await (await fetch(`${url}/airflow/else`)).text()).toBe('airflow');
});
