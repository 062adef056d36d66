import * as fc from 'fast-check';
import { DEVICES, FORBIDDEN, LONG, step, type StoryStep } from './story.ts';

/** Purpose of a scene; `met.ts` counts how often a story has met it. */
export const TOPICS = [
  'form',
  'brought back',
  'merged over the limit',
  'huge sum',
  'halved',
  'undeclared',
] as const;
export type Topic = (typeof TOPICS)[number];

const HUGE = 1e308;
type Put = Readonly<Record<string, unknown>> & { readonly id: string };

/** The steps of one device. */
const of = (device: number) => ({
  put: (value: Put, from?: Put): StoryStep => capture(device, { op: 'put', value, from }),
  patch: (id: string, set: object): StoryStep =>
    capture(device, { op: 'patch', id, set, removed: [] }),
  add: (id: string, n: number): StoryStep => capture(device, { op: 'increment', id, by: { n } }),
  sync: { step: 'sync', device, fault: 'none', killIn: 0, killBefore: false } as StoryStep,
  box: (when: 'before' | 'gone'): StoryStep => ({ step: 'middlebox', device, when }),
});

const capture = (
  device: number,
  change: Extract<StoryStep, { step: 'capture' }>['change'],
): StoryStep => ({ step: 'capture', device, collection: 'asks', change });
const airflow = (id: string, value: number | null): StoryStep => ({
  step: 'airflow',
  collection: 'asks',
  id,
  field: 'a',
  value,
});
const declared = (without: string | null): StoryStep => ({ step: 'declare', without });

type Acting = ReturnType<typeof of>;
const SHOWN = { id: 'form', a: 1, b: 1 };
const begun = (value: Put, me: Acting, other: Acting): StoryStep[] => [
  me.put(value),
  me.sync,
  other.sync,
];

/** Steps that meet each topic whatever the story has done before, as long as no fault is near. */
const STEPS: Readonly<Record<Topic, (me: Acting, other: Acting) => readonly StoryStep[]>> = {
  form: (me, other) => [
    ...begun(SHOWN, me, other),
    other.patch('form', { a: 2 }),
    other.sync,
    me.sync,
    me.put({ ...SHOWN, a: 9 }, SHOWN),
  ],
  'brought back': (me, other) => [
    ...begun({ id: 'back', a: 1, b: 1 }, me, other),
    me.patch('back', { b: 2 }),
    airflow('back', null),
    me.sync,
    airflow('back', 2),
    me.sync,
  ],
  'merged over the limit': (me, other) => [
    ...begun({ id: 'long', a: 1, b: 1 }, me, other),
    other.patch('long', { a: LONG }),
    other.sync,
    me.patch('long', { b: LONG }),
    me.sync,
  ],
  'huge sum': (me, other) => [
    ...begun({ id: 'sum', n: 0 }, me, other),
    other.add('sum', HUGE),
    other.sync,
    me.add('sum', HUGE),
    me.sync,
  ],
  halved: (me) => [
    ...['box-1', 'box-2', 'box-3'].map((id) => me.put({ id, a: id === 'box-2' ? FORBIDDEN : 9 })),
    me.box('before'),
    ...Array.from({ length: 10 }, () => me.sync),
    me.box('gone'),
  ],
  undeclared: (me) => [declared('asks'), me.put({ id: 'undeclared', a: 1 }), me.sync, me.sync],
};

/** A scene: its steps, and where in a story it begins. */
const scene = fc
  .record({
    topic: fc.constantFrom(...TOPICS),
    one: fc.nat({ max: DEVICES - 1 }),
    other: fc.integer({ min: 1, max: DEVICES - 1 }),
    at: fc.nat(),
  })
  .map(({ topic, one, other, at }) => {
    const [me, second] = [of(one), of((one + other) % DEVICES)];
    const steps = [declared(null), me.box('gone'), second.box('gone'), ...STEPS[topic](me, second)];
    return { topic, at, steps };
  });

/** Stories of random steps with two scenes among them: forty stories meet each topic often. */
export const story = fc
  .tuple(
    fc.array(step, { minLength: 5, maxLength: 30 }),
    fc.uniqueArray(scene, { minLength: 2, maxLength: 2, selector: ({ topic }) => topic }),
  )
  .map(([steps, scenes]) =>
    scenes.reduce<readonly StoryStep[]>((all, { at, steps: more }) => {
      const begin = at % (all.length + 1);
      return [...all.slice(0, begin), ...more, ...all.slice(begin)];
    }, steps),
  );
