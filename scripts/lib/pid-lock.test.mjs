import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive, withPidLock } from './pid-lock.mjs';

/** @type {string} */
let folder;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'updraft-lock-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('two holders of a lock work one after the other', async () => {
  const file = join(folder, 'lock');
  /** @type {string[]} */
  const log = [];
  const work = (/** @type {string} */ name) =>
    withPidLock(file, async () => {
      log.push(`${name} in`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      log.push(`${name} out`);
    });
  await Promise.all([work('a'), work('b')]);
  expect(log).toEqual(['a in', 'a out', 'b in', 'b out']);
  expect(existsSync(file)).toBe(false);
});

test("a killed process's lock is taken over", async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0']);
  expect(isAlive(pid)).toBe(false);
  const file = join(folder, 'lock');
  writeFileSync(file, String(pid));
  expect(await withPidLock(file, async () => 'done')).toBe('done');
});

test('work that fails gives the lock back', async () => {
  const file = join(folder, 'lock');
  await expect(withPidLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(existsSync(file)).toBe(false);
});
