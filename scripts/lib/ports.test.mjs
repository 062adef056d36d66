import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, isFree } from './ports.mjs';

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
