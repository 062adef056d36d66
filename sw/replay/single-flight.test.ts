import { expect, test } from 'vitest';
import { SingleFlight } from './single-flight.ts';

/** A body that runs until ended, and notes its reasons. */
function held(): {
  readonly flight: SingleFlight<string>;
  readonly runs: string[][];
  readonly end: (error?: Error) => void;
  readonly mostAtOnce: () => number;
} {
  const runs: string[][] = [];
  const ends: ((error?: Error) => void)[] = [];
  let running = 0;
  let most = 0;
  const flight = new SingleFlight<string>(async (reasons) => {
    runs.push([...reasons]);
    most = Math.max(most, ++running);
    try {
      await new Promise<void>((resolve, reject) =>
        ends.push((error) => (error ? reject(error) : resolve())),
      );
    } finally {
      running--;
    }
  });
  return { flight, runs, end: (error) => ends.shift()?.(error), mostAtOnce: () => most };
}
const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
};

test('all callers during a run join a single further run', async () => {
  const { flight, runs, end } = held();
  const first = flight.run('first');
  const joined = [flight.run('a'), flight.run('b'), flight.run('c')];
  expect(runs).toEqual([['first']]);
  end();
  await first;
  await ticks(5);
  expect(runs).toEqual([['first'], ['a', 'b', 'c']]);
  end();
  await Promise.all(joined);
  expect(runs).toHaveLength(2);
});

test('a joined caller resolves after a run that began later than its capture', async () => {
  const { flight, end } = held();
  const order: string[] = [];
  const first = flight.run('first').then(() => order.push('first'));
  const joined = flight.run('late').then(() => order.push('late'));
  end();
  await first;
  await ticks(10);
  expect(order).toEqual(['first']);
  end();
  await joined;
  expect(order).toEqual(['first', 'late']);
});

test('a failed run rejects for its own callers; the next run starts all the same', async () => {
  const { flight, runs, end } = held();
  const first = flight.run('first');
  const joined = flight.run('late');
  end(new Error('storage'));
  await expect(first).rejects.toThrow('storage');
  await ticks(5);
  end();
  await joined;
  const third = flight.run('third');
  await ticks(5);
  expect(runs, 'it has begun').toHaveLength(3);
  end();
  await third;
  expect(runs).toEqual([['first'], ['late'], ['third']]);
});

test('at most a single run at a time, even for a caller at the moment a run ends', async () => {
  for (let wait = 0; wait < 12; wait++) {
    const { flight, runs, end, mostAtOnce } = held();
    const all = [flight.run('first'), flight.run('second')];
    end();
    await ticks(wait);
    all.push(flight.run('third'));
    for (let at = 0; at < 3; at++) {
      await ticks(20);
      end();
    }
    await Promise.all(all);
    expect(mostAtOnce(), `after ${wait} ticks`).toBe(1);
    expect(runs.flat().toSorted()).toEqual(['first', 'second', 'third']);
  }
});
