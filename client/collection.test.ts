import { expect, test } from 'vitest';
import type { Question } from '../shared/messages.ts';
import { createCollection } from './collection.ts';
import { notPlain } from './plain.ts';
import { createSettling } from './settling.ts';
import { createHandlers } from './handlers.ts';
import { Watches } from './watches.ts';
import type { WorkerLink } from './worker-link.ts';

interface Ask {
  id: string;
  a?: number;
  tags?: (string | number | boolean)[];
  notes?: { by: string }[];
}

/** Returns a collection and the list of the commands the collection has sent. */
function asked(): {
  readonly asks: ReturnType<typeof createCollection<Ask>>;
  readonly commands: Question[];
} {
  const commands: Question[] = [];
  const ask = async (command: Question): Promise<unknown> => {
    commands.push(command);
    const captured = { id: 'x', seq: 1, log: 'log', settled: false };
    return command.type === 'capture-many' ? [captured] : captured;
  };
  return {
    asks: createCollection<Ask>(
      'asks',
      { ask } as WorkerLink,
      createSettling(),
      new Watches(createHandlers().on),
    ),
    commands,
  };
}

test('elements are sent as they were given, with what their author saw', async () => {
  const { asks, commands } = asked();
  await asks.addTo('x', { tags: ['wet', 1] }, { from: 5 });
  await asks.removeFrom('x', { tags: [true] });
  expect(commands).toMatchObject([
    { change: { op: 'add-to', id: 'x', elements: { tags: ['wet', 1] }, from: 5 } },
    { change: { op: 'remove-from', id: 'x', elements: { tags: [true] } } },
  ]);
  // @ts-expect-error A number takes no elements.
  await asks.addTo('x', { a: [1] });
  // @ts-expect-error A list of objects takes none.
  await asks.addTo('x', { notes: [{ by: 'ana' }] });
});

test('case D9: patches that are none reach the worker, which judges them', async () => {
  const { asks, commands } = asked();
  for (const odd of [null, 5, 'x', undefined]) await asks.patchMany([odd as never]);
  expect(commands.map((command) => 'changes' in command && command.changes)).toMatchObject(
    [1, 2, 3, 4].map(() => [{ op: 'patch', id: undefined }]),
  );
});

test.each([undefined, null, 5, {}])('case D9: a watch that calls %j is refused', (next) => {
  const { asks } = asked();
  for (const watch of [
    () => asks.watch({}, next as never),
    () => asks.watchOne('x', next as never),
  ])
    expect(watch).toThrow(expect.objectContaining({ kind: 'bad-option' }));
});

test('case A6: what the author has seen travels with the change', async () => {
  const form = { id: 'x', a: 1 };
  const { asks, commands } = asked();
  await asks.put({ id: 'x', a: 2 }, { from: form });
  await asks.put({ id: 'x', a: 2 }, {});
  await asks.patchMany([{ id: 'x', set: { a: 2 }, from: 7 }]);
  expect(commands).toMatchObject([
    { change: { op: 'put', from: form } },
    { change: { op: 'put' } },
    { changes: [{ op: 'patch', id: 'x', set: { a: 2 }, from: 7 }] },
  ]);
});

test.each<[string, unknown]>([
  [
    'an instance of a class',
    new (class Money {
      cents = 1999;
    })(),
  ],
  ['a text', 'xy'],
  ['a list', [1]],
  ['nothing', undefined],
  ['null', null],
])(
  'case A13: a patch with %s is no object of fields, and is not made one on the way',
  async (_name, fields) => {
    const { asks, commands } = asked();
    await asks.patch('x', fields as object);
    expect(notPlain(commands[0])).toBe('change.set');
  },
);

test('a patch may come from an object without a prototype, or a frozen object', async () => {
  const { asks, commands } = asked();
  await asks.patch('x', Object.assign(Object.create(null) as object, { a: 1 }));
  await asks.patch('x', Object.freeze({ a: undefined }));
  expect(commands).toMatchObject([
    { change: { set: { a: 1 }, removed: [] } },
    { change: { set: {}, removed: ['a'] } },
  ]);
  expect(commands.map((command) => notPlain(command))).toEqual([undefined, undefined]);
});

test('many changes travel in one message, and each has its receipt', async () => {
  const { asks, commands } = asked();
  await Promise.all([
    asks.putMany([{ id: 'x', a: 1 }]),
    asks.patchMany([{ id: 'x', set: { a: undefined } }]),
    asks.deleteMany(['x', 'y']),
  ]);
  const changes = commands.map((command) => (command as { changes?: unknown }).changes);
  expect(changes).toEqual([
    [{ op: 'put', value: { id: 'x', a: 1 } }],
    [{ op: 'patch', id: 'x', set: {}, removed: ['a'] }],
    [
      { op: 'delete', id: 'x' },
      { op: 'delete', id: 'y' },
    ],
  ]);
});

test('a value that is no list is passed on, and the worker refuses it', async () => {
  const { asks, commands } = asked();
  await asks.putMany({ id: 'x' } as unknown as Ask[]);
  expect(commands).toMatchObject([{ type: 'capture-many', changes: { id: 'x' } }]);
});
