import { expect, test } from 'vitest';
import { createHandlers, type EventName } from './handlers.ts';

test.each(['changes', 'constructor', '', undefined])(
  'case D9: on(%j) is refused with the events that there are',
  (name) => {
    const { on } = createHandlers();
    expect(() => on(name as EventName, () => undefined)).toThrow(
      expect.objectContaining({
        kind: 'bad-option',
        message: expect.stringMatching(
          /There is no event .* change, status, conflict, .*declarations/,
        ),
      }),
    );
  },
);

test.each([undefined, null, 'render'])(
  'case D9: on() with %j for a function is refused when it is asked for, not at the first event',
  (handler) => {
    const { on } = createHandlers();
    expect(() => on('change', handler as never)).toThrow(
      expect.objectContaining({
        kind: 'bad-option',
        message: 'on("change") needs a function to call.',
      }),
    );
  },
);

test('case D1: newer declarations are told', () => {
  const { on, event } = createHandlers();
  const told: unknown[] = [];
  on('declarations', ({ collections }) => told.push(collections));
  event({ type: 'declarations', collections: ['asks', 'things'], cursor: 1 });
  expect(told).toEqual([['asks', 'things']]);
});
