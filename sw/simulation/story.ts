import * as fc from 'fast-check';
import type { ChangeCommand } from '../../shared/messages.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { SimulatedDevice } from './device.ts';
import type { NetworkFault } from './network.ts';
import type { Simulation } from './setup.ts';

/** One step of a random story. */
export type StoryStep =
  | { readonly step: 'capture'; readonly device: number; readonly collection: string; readonly change: ChangeCommand }
  | { readonly step: 'sync'; readonly device: number; readonly fault: NetworkFault; readonly killIn: number; readonly killBefore: boolean }
  | { readonly step: 'late'; readonly device: number }
  | { readonly step: 'lose-wake-ups'; readonly device: number }
  | { readonly step: 'airflow'; readonly collection: string; readonly id: string; readonly field: 'a' | 'b'; readonly value: number | null }
  | { readonly step: 'resolve'; readonly device: number; readonly take: 'mine' | 'theirs' };

export const DEVICES = 3;
const device = fc.nat({ max: DEVICES - 1 });
const collection = fc.constantFrom('asks', 'asks', 'clients', 'servers');
const id = fc.constantFrom('x', 'y');
const field = fc.constantFrom<'a' | 'b'>('a', 'b');
const value = fc.nat({ max: 3 });

const change: fc.Arbitrary<ChangeCommand> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('put'), value: fc.record({ id, a: value, b: value }, { requiredKeys: ['id'] }) }) as fc.Arbitrary<ChangeCommand>,
  },
  { weight: 3, arbitrary: fc.tuple(id, field, value).map(([of, name, to]): ChangeCommand => ({ op: 'patch', id: of, set: { [name]: to }, removed: [] })) },
  { weight: 1, arbitrary: fc.tuple(id, field).map(([of, name]): ChangeCommand => ({ op: 'patch', id: of, set: {}, removed: [name] })) },
  { weight: 2, arbitrary: fc.tuple(id, fc.integer({ min: 1, max: 3 })).map(([of, by]): ChangeCommand => ({ op: 'increment', id: of, by: { n: by } })) },
  { weight: 1, arbitrary: id.map((of): ChangeCommand => ({ op: 'delete', id: of })) },
);
const fault = fc.constantFrom<NetworkFault>('none', 'none', 'request-lost', 'response-lost', 'duplicated', 'delayed', 'stale-answer');

export const step: fc.Arbitrary<StoryStep> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ step: fc.constant('capture' as const), device, collection, change }) },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('sync' as const),
      device,
      fault,
      killIn: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })),
      killBefore: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('late' as const), device }) },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('lose-wake-ups' as const), device }) },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('airflow' as const), collection, id, field, value: fc.option(value) }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('resolve' as const), device, take: fc.constantFrom('mine' as const, 'theirs' as const) }) },
);

/** Plays one step. What the worker refuses with a typed error is a legal answer; anything else fails the test. */
export async function play({ devices, store }: Simulation, story: StoryStep): Promise<void> {
  const at = 'device' in story ? devices[story.device] : undefined;
  switch (story.step) {
    case 'capture':
      await at?.device.capture(story.collection, story.change);
      return;
    case 'sync':
      if (!at) return;
      at.network.fault = story.fault;
      if (story.killIn > 0) await at.device.killIn(story.killIn, story.killBefore);
      await at.device.drain();
      at.network.fault = 'none';
      return;
    case 'late':
      await at?.network.deliverDelayed();
      return;
    case 'lose-wake-ups':
      if (at) at.device.wakeUps = [];
      return;
    case 'airflow':
      if (story.value === null) await store.change({ delete: { collection: story.collection, id: story.id } });
      else await store.change({ put: { collection: story.collection, record: { id: story.id, [story.field]: story.value } } });
      return;
    case 'resolve':
      if (at) await resolveAll(at.device, story.take);
  }
}

/** A person decides everything that is open on a device. A conflict that moved meanwhile is decided next time. */
export async function resolveAll(at: SimulatedDevice, take: 'mine' | 'theirs'): Promise<void> {
  for (const conflict of await at.conflicts()) {
    try {
      await at.resolve(conflict, { take });
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
    }
  }
}
