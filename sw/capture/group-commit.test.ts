import { expect, test } from 'vitest';
import { GroupCommit } from './group-commit.ts';

test('captures of the same moment share a write, and each gets its own result', async () => {
  const groups: number[][] = [];
  const commit = new GroupCommit<number, string>(async (jobs) => {
    groups.push([...jobs]);
    return jobs.map(String);
  });
  expect(await Promise.all([commit.add(1), commit.add(2), commit.add(3)])).toEqual(['1', '2', '3']);
  expect(groups).toEqual([[1, 2, 3]]);
});

test('a capture made at the moment another write ends is written', async () => {
  const commit = new GroupCommit<number, number>(async (jobs) => jobs);
  for (let ticks = 0; ticks < 10; ticks++) {
    const first = commit.add(1);
    const second = first.then(async () => {
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      return commit.add(2);
    });
    expect(await second).toBe(2);
  }
});

test('fault 11: a job that is too large fails no other job of its group', async () => {
  const commit = new GroupCommit<string, string>(async (jobs) => {
    if (jobs.includes('large')) throw new Error('quota exceeded');
    return jobs;
  });
  const results = await Promise.allSettled([commit.add('a'), commit.add('large'), commit.add('b')]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
