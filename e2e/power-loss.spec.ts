import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { processesOf } from './support/browser-processes.ts';
import type { Device } from './support/device.ts';
import { eventually } from './support/eventually.ts';
import { expect, test } from './support/test.ts';

const CAPTURES = 25;

/** Records each system call by which the browser waits until a file is on disk. */
async function traceSyncs({ profile }: Device, file: string): Promise<ChildProcess> {
  const pids = processesOf(profile).flatMap((pid) => ['-p', String(pid)]);
  const strace = spawn('strace', ['-f', '-y', '-e', 'trace=fdatasync,fsync', '-o', file, ...pids], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  strace.stderr.on('data', (text) => (said += String(text)));
  await eventually(() => said, 'strace is attached').toContain('attached');
  return strace;
}

/** Counts the syncs of this origin's IndexedDB logs. */
async function syncsIn(file: string, { url }: Device): Promise<number> {
  const { port } = new URL(url);
  const synced = new RegExp(
    `(fdatasync|fsync)\\(\\d+<[^>]*_${port}\\.indexeddb\\.leveldb/\\d+\\.log>`,
  );
  return (await readFile(file, 'utf8')).split('\n').filter((line) => synced.test(line)).length;
}

test('fault 6: each acknowledged capture was synced to disk before its promise resolved', async ({
  device,
  prefix,
}) => {
  test.skip(
    spawnSync('strace', ['-V']).error !== undefined,
    'strace is not installed: nothing else tells a synced write from one in memory',
  );
  await device.openSignedIn('ana');
  await device.setOffline(true);
  const file = test.info().outputPath('syncs');
  const strace = await traceSyncs(device, file);
  const synced: number[] = [];
  for (let n = 0; n < CAPTURES; n++) {
    await device.put({ id: `${prefix}${n}`, site: 'A7', status: 'ok' });
    synced.push(await syncsIn(file, device));
  }
  strace.kill('SIGINT');
  expect(
    synced.filter((count, captured) => count <= captured),
    'captures acknowledged before a sync of their own',
  ).toEqual([]);
});
