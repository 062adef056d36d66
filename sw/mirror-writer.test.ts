import { beforeEach, expect, test } from 'vitest';
import { TestReplica } from './test-replica.ts';
import { TestServer } from './test-server.ts';

let device: TestReplica;
/** What happened, in order. */
let order: string[];
let hold: Promise<void> | undefined;
beforeEach(() => {
  device = new TestReplica();
  order = [];
  hold = undefined;
  const { mirror } = device;
  const write = mirror.write;
  Object.assign(mirror, {
    write: async (content: Parameters<typeof write>[0]) => {
      await hold;
      order.push(`mirrored ${content.records.map(({ id }) => id).join(' ')}`.trim());
      await write(content);
    },
  });
});

test('durable first: a capture is answered before it is mirrored, and does not wait for a mirror that hangs', async () => {
  await (await device.open()).mirror.flush();
  let release = (): void => undefined;
  hold = new Promise((resolve) => (release = resolve));
  order = [];
  await device.put('x');
  await device.put('y');
  order.push('answered');
  release();
  await (await device.open()).mirror.flush();
  expect(order[0]).toBe('answered');
  expect(order.at(-1)).toBe('mirrored x y');
});

test('many captures make few mirrors', async () => {
  await Promise.all(Array.from({ length: 200 }, (_, n) => device.put(`r${n}`)));
  await (await device.open()).mirror.flush();
  expect(device.mirrored?.records).toHaveLength(200);
  expect(order.length).toBeLessThan(10);
});

test('a stream of captures that never pauses is mirrored with rests all the same', async () => {
  await (await device.open()).mirror.flush();
  await device.restart();
  let begin = (): void => undefined;
  let rest = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const resting = new Promise<void>((resolve) => (rest = resolve));
  let wake = (): void => undefined;
  const { mirror } = device;
  const write = mirror.write;
  Object.assign(mirror, {
    write: async (content: Parameters<typeof write>[0]) => {
      begin();
      await write(content);
    },
    pause: () => (rest(), new Promise<void>((resolve) => (wake = resolve))),
  });
  let release = (): void => undefined;
  hold = new Promise((resolve) => (release = resolve));
  order = [];
  await device.put('x');
  await begun;
  for (const id of ['y', 'z']) await device.put(id);
  release();
  await resting;
  await device.put('w');
  expect(order).toHaveLength(1);
  wake();
  await (await device.open()).mirror.flush();
  expect(order).toHaveLength(2);
  expect(device.mirrored?.records.map(({ id }) => id)).toEqual(['x', 'y', 'z', 'w']);
});

test('without room for all of it the marker alone is kept', async () => {
  await device.put('x');
  const { mirror } = device;
  const write = mirror.write;
  Object.assign(mirror, {
    write: async (content: Parameters<typeof write>[0]) => {
      if (content.records.length > 0) throw new DOMException('no room', 'QuotaExceededError');
      await write(content);
    },
  });
  await device.put('y');
  await (await device.open()).mirror.flush();
  expect(device.mirrored).toMatchObject({ unsent: 2, records: [] });
});

test('a mirror that cannot be written costs no capture', async () => {
  Object.assign(device.mirror, { write: () => Promise.reject(new Error('no place for it')) });
  await device.put('x');
  expect((await device.status()).unsent).toBe(1);
});

/** The mirror waits when a drain begins and after an answer (50 ms), and not after a mirror. Each of these ends a wait. */
function holding(): (() => void)[] {
  const waiting: (() => void)[] = [];
  Object.assign(device.mirror, { pause: (tookMs: number) => (tookMs === 50 ? new Promise<void>((resolve) => waiting.push(resolve)) : Promise.resolve()) });
  return waiting;
}

test('from the first request on, while answer follows answer, nothing is mirrored in between, and every five seconds while one is awaited', async () => {
  const server = new TestServer();
  const waiting = holding();
  let written = (): void => undefined;
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  let asked = 0;
  const { write } = device.mirror;
  Object.assign(device.mirror, { write: (content: Parameters<typeof write>[0]) => write(content).then(() => (asked === 4 ? written() : undefined)) });
  device.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => {
      order.push(`asked ${++asked}`);
      if (asked === 3) device.now += 5_000;
      if (asked === 4) await isWritten;
      return { effect: 'settle', response: server.answer(request), via: 'plugin' };
    },
  };
  await device.signIn();
  device.isOnline = true;
  await device.sync();
  device.isOnline = false;
  for (const goOn of waiting.splice(0)) goOn();
  for (const id of ['v', 'x', 'y', 'z']) await device.put(id);
  const { world, mirror } = await device.open();
  await world.store.write(async (tx) => tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }));
  await mirror.flush();
  device.isOnline = true;
  await device.sync();
  expect(order.slice(order.indexOf('asked 2'))).toEqual(['asked 2', 'asked 3', 'asked 4', 'mirrored z']);
  expect(device.mirrored?.unsent).toBe(1);
  for (const goOn of waiting) goOn();
  await mirror.flush();
  expect(device.mirrored?.unsent).toBe(0);
});

test('a request that is long in coming back is mirrored as it was sent', async () => {
  const server = new TestServer();
  const waiting = holding();
  let written = (): void => undefined;
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  let isAsked = false;
  const states: string[] = [];
  const { write } = device.mirror;
  Object.assign(device.mirror, {
    write: async (content: Parameters<typeof write>[0]) => {
      await write(content);
      if (isAsked) written();
      states.push(...content.deliveries.map(({ state }) => state.kind));
    },
  });
  device.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => {
      if (request.batch !== undefined) {
        order.push('asked');
        isAsked = true;
        for (const goOn of waiting.splice(0)) goOn();
        await isWritten;
      }
      return { effect: 'settle', response: server.answer(request), via: 'plugin' };
    },
  };
  await device.signIn();
  device.isOnline = true;
  await device.sync();
  device.isOnline = false;
  for (const goOn of waiting.splice(0)) goOn();
  await device.put('x');
  await (await device.open()).mirror.flush();
  order = [];
  device.isOnline = true;
  await device.sync();
  expect(order.slice(0, 2)).toEqual(['asked', 'mirrored x']);
  expect(states).toContain('sending');
});
