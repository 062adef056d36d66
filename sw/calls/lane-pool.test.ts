import { expect, test } from 'vitest';
import { LanePool } from './lane-pool.ts';

/** A turn that ends when it is told to. */
function held(): { turn: () => Promise<boolean>; end: (hasMore: boolean) => void; starts: number } {
  let end: (hasMore: boolean) => void = () => undefined;
  const self = {
    starts: 0,
    turn: () => {
      self.starts++;
      return new Promise<boolean>((resolve) => (end = resolve));
    },
    end: (hasMore: boolean) => end(hasMore),
  };
  return self;
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lanes take turns: none has a second one before all others had theirs', async () => {
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

test('never more than its limit at the same time, and one turn at a time each', async () => {
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

test('a lane that does not come back keeps no other from its turns, also one that comes later', async () => {
  const pool = new LanePool(2);
  const stuck = held();
  pool.add('stuck', stuck.turn);
  const log: string[] = [];
  for (const lane of ['a', 'b']) pool.add(lane, async () => log.push(lane) === 0);
  await settle();
  pool.add('late', async () => log.push('late') === 0);
  await settle();
  expect(log).toEqual(['a', 'b', 'late']);
  stuck.end(false);
  await pool.idle();
});

test('who comes while a lane has its turn gets another one after it', async () => {
  const pool = new LanePool(1);
  const lane = held();
  pool.add('a', lane.turn);
  pool.add('a', lane.turn);
  lane.end(false);
  await settle();
  expect(lane.starts).toBe(2);
  lane.end(false);
  await pool.idle();
});

test('a turn that throws is told once, and takes no other along', async () => {
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
