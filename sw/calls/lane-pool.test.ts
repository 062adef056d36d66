import { expect, test } from 'vitest';
import { LanePool } from './lane-pool.ts';

/** A step that ends on demand. */
function held(): { step: () => Promise<boolean>; end: (hasMore: boolean) => void; starts: number } {
  let end: (hasMore: boolean) => void = () => undefined;
  const self = {
    starts: 0,
    step: () => {
      self.starts++;
      return new Promise<boolean>((resolve) => (end = resolve));
    },
    end: (hasMore: boolean) => end(hasMore),
  };
  return self;
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lanes run round robin: no second step before every lane had a first', async () => {
  const pool = new LanePool(1);
  const log: string[] = [];
  for (const lane of ['a', 'b', 'c']) {
    let left = 3;
    pool.add(lane, async () => {
      log.push(lane);
      return --left > 0;
    });
  }
  await pool.idle();
  expect(log.join('')).toBe('abcabcabc');
});

test('never more steps than the limit at the same time, and a single step per lane', async () => {
  const pool = new LanePool(3);
  let [inFlight, most] = [0, 0];
  const busy = new Set<string>();
  for (let lane = 0; lane < 20; lane++) {
    let left = 5;
    pool.add(`${lane}`, async () => {
      expect(busy.has(`${lane}`)).toBe(false);
      busy.add(`${lane}`);
      most = Math.max(most, ++inFlight);
      await settle();
      inFlight--;
      busy.delete(`${lane}`);
      return --left > 0;
    });
  }
  await pool.idle();
  expect(most).toBe(3);
});

test('a lane that hangs delays no other lane, not even a later lane', async () => {
  const pool = new LanePool(2);
  const stuck = held();
  pool.add('stuck', stuck.step);
  const log: string[] = [];
  for (const lane of ['a', 'b']) pool.add(lane, async () => log.push(lane) === 0);
  await settle();
  pool.add('late', async () => log.push('late') === 0);
  await settle();
  expect(log).toEqual(['a', 'b', 'late']);
  stuck.end(false);
  await pool.idle();
});

test('a lane added during its step gets another step afterwards', async () => {
  const pool = new LanePool(1);
  const lane = held();
  pool.add('a', lane.step);
  pool.add('a', lane.step);
  lane.end(false);
  await settle();
  expect(lane.starts).toBe(2);
  lane.end(false);
  await pool.idle();
});

test('the error of a step is reported once, and stops no other lane', async () => {
  const pool = new LanePool(2);
  let isDone = false;
  pool.add('bad', async () => Promise.reject(new Error('broken storage')));
  pool.add('good', async () => {
    await settle();
    isDone = true;
    return false;
  });
  await expect(pool.idle()).rejects.toThrow('broken storage');
  expect(isDone).toBe(true);
  await pool.idle();
});
