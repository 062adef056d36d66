import { expect, test } from 'vitest';
import { createCacheMirror } from './cache-mirror.ts';

test.each([
  ['a quick mirror', 1, 50],
  ['a slow mirror', 200, 2_000],
  ['a suspended machine or a clock jump: captures meanwhile are in no mirror', 3_600_000, 5_000],
])('a mirror rests in proportion to the last: after %s', async (_after, tookMs, restMs) => {
  const rests: number[] = [];
  const sleep = async (ms: number): Promise<void> => void rests.push(ms);
  await createCacheMirror({} as CacheStorage, 'ana', { sleep }).pause(tookMs);
  expect(rests).toEqual([restMs]);
});
