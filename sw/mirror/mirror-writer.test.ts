import { beforeEach, expect, test } from 'vitest';
import { TestReplica } from '../testing/test-replica.ts';
import { TestServer } from '../testing/test-server.ts';

let device: TestReplica;
/** Events in order. */
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

test('durable first: a capture is answered before its mirror, even if that hangs', async () => {
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

test('an endless stream of captures is mirrored with rests all the same', async () => {
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

test('without room for the rows only the marker is written', async () => {
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

/**
 * Makes the mirror's pauses (50 ms) last until ended: a pause begins with a drain and after each
 * answer, not after a mirror. Each returned function ends a pause.
 */
function holding(): (() => void)[] {
  const waiting: (() => void)[] = [];
  Object.assign(device.mirror, {
    pause: (tookMs: number) =>
      tookMs === 50 ? new Promise<void>((resolve) => waiting.push(resolve)) : Promise.resolve(),
  });
  return waiting;
}

test('while answer follows answer a mirror is written at most every five seconds', async () => {
  const server = new TestServer();
  const waiting = holding();
  let written = (): void => undefined;
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  let asked = 0;
  const { write } = device.mirror;
  Object.assign(device.mirror, {
    write: (content: Parameters<typeof write>[0]) =>
      write(content).then(() => (asked === 4 ? written() : undefined)),
  });
  device.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => {
      order.push(`asked ${++asked}`);
      if (asked === 3) device.now += 5_000;
      if (asked === 4) await isWritten;
      return { kind: 'settle', response: server.answer(request), via: 'plugin' };
    },
  };
  await device.signIn();
  device.isOnline = true;
  await device.sync();
  device.isOnline = false;
  for (const goOn of waiting.splice(0)) goOn();
  for (const id of ['v', 'x', 'y', 'z']) await device.put(id);
  const { world, mirror } = await device.open();
  await world.store.write(async (tx) =>
    tx.putReplica({ ...(await tx.replica()), mutationsMax: 1 }),
  );
  await mirror.flush();
  device.isOnline = true;
  await device.sync();
  expect(order.slice(order.indexOf('asked 2'))).toEqual([
    'asked 2',
    'asked 3',
    'asked 4',
    'mirrored z',
  ]);
  expect(device.mirrored?.unsent).toBe(1);
  for (const goOn of waiting) goOn();
  await mirror.flush();
  expect(device.mirrored?.unsent).toBe(0);
});

test('while an answer is long in coming the state as sent is mirrored', async () => {
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
      return { kind: 'settle', response: server.answer(request), via: 'plugin' };
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
