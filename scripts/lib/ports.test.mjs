import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { whyEnded } from './airflow-ready.mjs';
import { claimPort, freePort, isFree, releasePorts } from './ports.mjs';

test('a taken port is replaced by a free one', async () => {
  const wanted = await freePort(20_000 + (process.pid % 20_000));
  const server = createServer();
  await new Promise((resolve) => server.listen(wanted, '127.0.0.1', () => resolve(undefined)));
  const chosen = await freePort(wanted);
  expect(chosen).not.toBe(wanted);
  expect(await isFree(chosen)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(await freePort(wanted)).toBe(wanted);
});

test('case D14: a port that another checkout has chosen is not chosen again', async () => {
  const wanted = 20_000 + ((process.pid + 7_000) % 20_000);
  const other = await otherCheckout(wanted);
  expect(await isFree(other.port)).toBe(true);
  const ours = await claimPort(other.port);
  expect(ours).not.toBe(other.port);
  await other.end();
  expect(await claimPort(other.port), 'nothing is kept for an ended process').toBe(other.port);
  releasePorts(ours);
  const again = await otherCheckout(ours);
  expect(again.port, 'a server that any process starts again finds its port').toBe(ours);
  await again.end();
});

/** A process that claims a port and goes on. @param {number} wanted */
async function otherCheckout(wanted) {
  const ports = new URL('./ports.mjs', import.meta.url).href;
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `const { claimPort } = await import(${JSON.stringify(ports)});
     console.log(await claimPort(${wanted}));
     await new Promise((resolve) => process.stdin.resume().on('end', resolve));`,
  ]);
  const [line] = await once(child.stdout, 'data');
  const end = async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
  return { port: Number(line), end };
}

test('case D14: a port that was taken meanwhile is named, and nothing is to be wiped', () => {
  const words = whyEnded('[Errno 98] Address already in use');
  expect(words).toContain('another program took its port');
  expect(words).not.toContain('--fresh');
  expect(whyEnded('SyntaxError')).not.toContain('port');
});
