import * as fc from 'fast-check';
import type { ChangeCommand } from '../../shared/messages.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { Scalar } from '../../shared/json.ts';
import type { SimulatedDevice } from './device.ts';
import type { Middlebox, NetworkFault } from './network.ts';
import type { Mutation } from '../../shared/mutation.ts';
import type { DeadLetter } from '../../shared/row.ts';
import { COLLECTIONS, type Simulation } from './setup.ts';

/** A step of a random story. */
export type StoryStep =
  | {
      readonly step: 'capture';
      readonly device: number;
      readonly collection: string;
      readonly change: ChangeCommand;
    }
  | {
      readonly step: 'sync';
      readonly device: number;
      readonly fault: NetworkFault;
      readonly killIn: number;
      readonly killBefore: boolean;
    }
  | { readonly step: 'late'; readonly device: number }
  | { readonly step: 'lose-wake-ups'; readonly device: number }
  | {
      readonly step: 'middlebox';
      readonly device: number;
      readonly when: Middlebox['when'] | 'gone';
    }
  | {
      readonly step: 'airflow';
      readonly collection: string;
      readonly id: string;
      readonly field: 'a' | 'b';
      readonly value: number | null;
    }
  | { readonly step: 'declare'; readonly without: string | null }
  | { readonly step: 'resolve'; readonly device: number; readonly take: 'mine' | 'theirs' };

export const DEVICES = 3;
const device = fc.nat({ max: DEVICES - 1 });
const collection = fc.constantFrom('asks', 'asks', 'clients', 'servers');
const id = fc.constantFrom('x', 'y');
const field = fc.constantFrom<'a' | 'b'>('a', 'b');
const small = fc.nat({ max: 3 });
/** Two of these exceed a record's limit. */
export const LONG = 'l'.repeat(40_000);
const long = fc.constantFrom(LONG, 'o'.repeat(40_000));
const value: fc.Arbitrary<number | string> = fc.oneof(
  { weight: 12, arbitrary: small },
  { weight: 1, arbitrary: long },
);
/** The sum of two in the same direction is no number. */
const by = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(1e308, -1e308) },
);
const element = fc.constantFrom<Scalar>('p', 'q', 1, true);
const elements = fc.array(element, { minLength: 1, maxLength: 2 });
/** A submitted form, with the record as seen at some time, or never. */
const form = fc.record({ id, a: small, b: small }, { requiredKeys: ['id'] });

const change: fc.Arbitrary<ChangeCommand> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('put'),
      value: fc.record({ id, a: value, b: value }, { requiredKeys: ['id'] }),
    }) as fc.Arbitrary<ChangeCommand>,
  },
  {
    weight: 3,
    arbitrary: fc.tuple(id, field, value).map(([of, name, to]): ChangeCommand => ({
      op: 'patch',
      id: of,
      set: { [name]: to },
      removed: [],
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(id, field)
      .map(([of, name]): ChangeCommand => ({ op: 'patch', id: of, set: {}, removed: [name] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(id, by)
      .map(([of, n]): ChangeCommand => ({ op: 'increment', id: of, by: { n } })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(id, fc.constantFrom('add-to' as const, 'remove-from' as const), elements)
      .map(([of, op, t]): ChangeCommand => ({ op, id: of, elements: { t } })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(id, elements)
      .map(([of, t]): ChangeCommand => ({ op: 'patch', id: of, set: { t }, removed: [] })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(form, fc.record({ a: small, b: small }, { requiredKeys: [] }))
      .map(([from, set]): ChangeCommand => ({ op: 'put', value: { ...from, ...set }, from })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(form, field, small).map(([from, name, to]): ChangeCommand => ({
      op: 'patch',
      id: from.id,
      set: { [name]: to },
      removed: [],
      from,
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(form, fc.nat({ max: 9 }))
      .map(([{ id: of }, from]): ChangeCommand => ({ op: 'delete', id: of, from })),
  },
  { weight: 1, arbitrary: id.map((of): ChangeCommand => ({ op: 'delete', id: of })) },
);
const fault = fc.constantFrom<NetworkFault>(
  'none',
  'none',
  'request-lost',
  'response-lost',
  'duplicated',
  'delayed',
  'stale-answer',
);

export const step: fc.Arbitrary<StoryStep> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ step: fc.constant('capture' as const), device, collection, change }),
  },
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
    arbitrary: fc.record({
      step: fc.constant('middlebox' as const),
      device,
      when: fc.constantFrom('before' as const, 'after' as const, 'gone' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('airflow' as const),
      collection,
      id,
      field,
      value: fc.option(small),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('declare' as const), without: fc.option(collection) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('resolve' as const),
      device,
      take: fc.constantFrom('mine' as const, 'theirs' as const),
    }),
  },
);

/** Mutations that the middleboxes of stories block. */
export const FORBIDDEN = 3;
const holdsForbidden = ({ set = {} }: Mutation): boolean => Object.values(set).includes(FORBIDDEN);

/**
 * Plays a step. A typed error is a legal answer of the worker; any other error fails the test.
 */
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
    case 'middlebox':
      if (at)
        at.network.middlebox =
          story.when === 'gone' ? undefined : { refuses: holdsForbidden, when: story.when };
      return;
    case 'airflow':
      if (story.value === null)
        await store.change({ delete: { collection: story.collection, id: story.id } });
      else
        await store.change({
          put: {
            collection: story.collection,
            record: { id: story.id, [story.field]: story.value },
          },
        });
      return;
    case 'declare':
      await store.declare(
        Object.fromEntries(Object.entries(COLLECTIONS).filter(([name]) => name !== story.without)),
      );
      return;
    case 'resolve':
      if (at) await resolveAll(at.device, story.take);
  }
}

/**
 * A person decides everything that is open on a device. A conflict that moved meanwhile is decided
 * next time; a value that does not fit gives way.
 */
export async function resolveAll(at: SimulatedDevice, take: 'mine' | 'theirs'): Promise<void> {
  for (const conflict of await at.conflicts()) {
    if ((await refusal(at.resolve(conflict, { take }))) === 'too-large')
      await refusal(at.resolve(conflict, { take: 'theirs' }));
  }
}

async function refusal(resolving: Promise<void>): Promise<string> {
  try {
    await resolving;
    return 'none';
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    return error.kind;
  }
}

/** A person retries everything that was refused. */
export async function retryAll(at: SimulatedDevice): Promise<void> {
  for (const letter of (await at.ask({ type: 'dead-letters' })) as readonly DeadLetter[])
    if (letter.kind === 'mutation') await at.retry(letter);
}
