import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { whyEnded } from './airflow-ready.mjs';
import { claimPort, freePort, isFree } from './ports.mjs';

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
  const ports = new URL('./ports.mjs', import.meta.url).href;
  const other = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `const { claimPort } = await import(${JSON.stringify(ports)});
     console.log(await claimPort(${wanted}));
     await new Promise((resolve) => process.stdin.resume().on('end', resolve));`,
  ]);
  const [line] = await once(other.stdout, 'data');
  const theirs = Number(line);
  expect(await isFree(theirs)).toBe(true);
  const ours = await claimPort(theirs);
  expect(ours).not.toBe(theirs);
  expect(await claimPort(ours), 'a server that is started again finds its port').toBe(ours);
  other.stdin.end();
  await once(other, 'exit');
  expect(await claimPort(theirs), 'nothing is kept for a process that has ended').toBe(theirs);
});

test('case D14: a port that was taken meanwhile is named, and nothing is to be wiped', () => {
  const words = whyEnded('[Errno 98] Address already in use');
  expect(words).toContain('another program took its port');
  expect(words).not.toContain('--fresh');
  expect(whyEnded('SyntaxError')).not.toContain('port');
});
