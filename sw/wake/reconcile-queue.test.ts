import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { reconcileQueue } from './reconcile-queue.ts';
import type { WakeUpQueue, WakeUpRow } from './wake-up-queue.ts';

interface FakeQueue extends WakeUpQueue {
  rows: (WakeUpRow & { readonly lane: string })[];
  registrations: number;
}
function fakeQueue(deliveryIds: readonly string[], lane = 'lane'): FakeQueue {
  let nextId = deliveryIds.length;
  const queue: FakeQueue = {
    rows: deliveryIds.map((deliveryId, id) => ({ id, deliveryId, lane })),
    registrations: 0,
    peek: async (of) => queue.rows.filter((row) => row.lane === of),
    push: async (deliveryId, of) => void queue.rows.push({ id: nextId++, deliveryId, lane: of }),
    remove: async ({ id }) => void (queue.rows = queue.rows.filter((row) => row.id !== id)),
    register: async () => ++queue.registrations > 0,
  };
  return queue;
}
const left = (queue: FakeQueue): string[] =>
  queue.rows.map(({ deliveryId }) => deliveryId).toSorted();

test.each<[string, string[], string[]]>([
  ['all as it should be', ['a', 'b'], ['a', 'b']],
  ['rows lost: the Workbox database was deleted', [], ['a', 'b']],
  ['a row doubled: killed between push and the next look', ['a', 'a', 'b'], ['a', 'b']],
  ['rows of deliveries long settled', ['old', 'a', 'older'], ['a']],
  ['nothing to wake for', ['old'], []],
])('%s', async (_name, rows, deliveries) => {
  const queue = fakeQueue(rows);
  await reconcileQueue(queue, 'lane', deliveries);
  expect(left(queue)).toEqual(deliveries);
  expect(queue.registrations, 'a wake-up exactly while something is left').toBe(
    deliveries.length > 0 ? 1 : 0,
  );
});

test('the wake-up list agrees with the replica, from any contents', async () => {
  const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      ids,
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
      async (rows, deliveries) => {
        const queue = fakeQueue(rows);
        await reconcileQueue(queue, 'lane', deliveries);
        expect(left(queue)).toEqual(deliveries.toSorted());
      },
    ),
  );
});

test('another user’s rows are not touched', async () => {
  const queue = fakeQueue(['a'], 'another lane');
  await reconcileQueue(queue, 'lane', []);
  expect(left(queue)).toEqual(['a']);
});

test('the browser is asked to wake the worker even where the list cannot be read', async () => {
  const queue = fakeQueue([]);
  const broken: WakeUpQueue = {
    ...queue,
    peek: () => Promise.reject(new Error('the database connection is closing')),
  };
  await expect(reconcileQueue(broken, 'lane', ['a'])).rejects.toThrow('closing');
  expect(queue.registrations).toBe(1);
});
