import { expect, test } from 'vitest';
import { createCacheMirror } from './cache-mirror.ts';

test.each([
  ['a quick one', 1, 50],
  ['one that took a while', 200, 2_000],
  ['one on a machine that stood still, or by a clock that jumped: what is captured meanwhile is in no mirror', 3_600_000, 5_000],
])('a mirror rests in proportion to the last: after %s', async (_after, tookMs, restMs) => {
  const rests: number[] = [];
  const sleep = async (ms: number): Promise<void> => void rests.push(ms);
  await createCacheMirror({} as CacheStorage, 'ana', { sleep }).pause(tookMs);
  expect(rests).toEqual([restMs]);
});
