import { expect, test } from 'vitest';
import { IDLE } from '../../shared/test-status.ts';
import type { World } from '../world.ts';
import { STATUS_DELAY_MS, StatusReporter } from './status-reporter.ts';

/** Captures twice in each of the first moments; returns the moment that tells the status. */
function toldAt(moments: number): number {
  const delays: number[] = [];
  const due: (() => void)[] = [];
  const statuses: unknown[] = [];
  const world = {
    clock: {
      now: () => 0,
      after: (delayMs: number, call: () => void) => {
        delays.push(delayMs);
        due.push(call);
        return () => undefined;
      },
    },
    store: {
      read: () => {
        statuses.push(IDLE);
        return Promise.resolve(IDLE);
      },
    },
    broadcast: () => undefined,
  };
  const reporter = new StatusReporter(world as unknown as World);
  let moment = 0;
  while (statuses.length === 0) {
    if (++moment <= moments) for (const _ of [1, 2]) reporter.tellStatusSoon();
    due.pop()?.();
  }
  expect(new Set(delays)).toEqual(new Set([STATUS_DELAY_MS]));
  return moment;
}

test.each([
  [1, 2],
  [3, 4],
  [100, 6],
])('captures in %i moments in a row: the status is told after %i', (moments, expected) => {
  expect(toldAt(moments)).toBe(expected);
});
