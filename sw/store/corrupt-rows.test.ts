import { beforeEach, describe, expect, test } from 'vitest';
import { CallsDevice } from '../calls/calls-device.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { rowsOf } from '../simulation/raw-rows.ts';
import { TestReplica } from '../testing/test-replica.ts';
import { readBatch, TestServer } from '../testing/test-server.ts';

let device: TestReplica;
beforeEach(async () => {
  device = new TestReplica();
  device.transport = new TestServer().transport;
  await device.signIn();
});
async function plant(table: string, ...rows: object[]): Promise<void> {
  await device.open();
  await plantRows(device.indexedDB, 'ana', table, rows);
}
const quarantined = async (): Promise<number | undefined> => (await device.status()).quarantined;

describe('fault 39: a corrupt answer', () => {
  const increment = {
    type: 'capture',
    requestId: 'q',
    collection: 'asks',
    change: { op: 'increment', id: 'x', by: { n: 1 } },
  } as const;
  const poisons: Record<string, object> = {
    'that is a text': { requestId: 'q', at: 1, answer: 'done' },
    'without a number': {
      requestId: 'q',
      at: 1,
      answer: { id: 'x', seq: 'all', log: 'l', settled: true },
    },
    'that is not there': { requestId: 'q', at: 'long ago' },
  };
  test.each(Object.entries(poisons))(
    '%s: the repeated capture is answered, and not done again',
    async (_name, poison) => {
      await device.put('x', { n: 0 });
      const first = await device.ask(increment);
      await plant('requests', poison);
      for (let repeat = 0; repeat < 3; repeat++) expect(await device.ask(increment)).toEqual(first);
      expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
        value: { n: 1 },
      });
      expect(await quarantined()).toBe(1);
    },
  );

  test('does not count as unsettled when its record is settled', async () => {
    device.isOnline = true;
    await device.sync();
    await device.put('x', { n: 0 });
    await device.ask(increment);
    await device.sync();
    await plant('requests', { requestId: 'q', at: 1, answer: [] });
    expect(await device.ask(increment)).toMatchObject({ id: 'x', settled: true });
  });

  test('answers no request of another kind', async () => {
    await device.put('x', { n: 0 });
    const first = await device.ask(increment);
    await plant('requests', { requestId: 'q', at: 1, answer: null });
    expect(await device.ask(increment)).toEqual(first);
  });

  test('to a queued call: nothing is queued again; the page is told where to look', async () => {
    const calls = await CallsDevice.signedIn();
    calls.online = false;
    const id = await calls.trigger('report');
    await plantRows(calls.indexedDB, 'ana', 'requests', [
      { requestId: 'call1', at: 1, answer: { id: 7 } },
    ]);
    const again = calls.call({ operation: 'triggerDagRun', dagId: 'report' }, 'call1');
    await expect(again).rejects.toMatchObject({
      kind: 'storage',
      message: expect.stringContaining('calls()'),
    });
    expect((await calls.calls()).map((call) => call.id)).toEqual([id]);
  });

  test('to a request of a person: the request stays done', async () => {
    await device.put('x');
    const discard = { type: 'discard', requestId: 'q', collection: 'asks', id: 'x' } as const;
    await device.ask(discard);
    await device.put('x');
    await plant('requests', { requestId: 'q', at: 1, answer: 7 });
    expect(await device.ask(discard)).toBe(null);
    expect((await device.status()).unsent).toBe(1);
  });

  test('leaves the other answers to the mirror', async () => {
    const first = await device.put('x');
    await plant('requests', { requestId: 'p', at: 'zzz', answer: 'done' });
    await device.put('y');
    await (await device.open()).mirror.flush();
    const answers = device.mirrored?.answers;
    expect(answers).toHaveLength(3);
    expect(answers).toContainEqual(expect.objectContaining({ answer: first }));
    expect(answers).toContainEqual(expect.objectContaining({ requestId: 'p', damaged: true }));
    expect(await quarantined()).toBe(1);
  });
});

describe('fault 39: corrupt events', () => {
  const seen = async (
    cursor: number,
  ): Promise<{
    readonly ids: readonly unknown[];
    readonly complete: boolean;
    readonly cursor: number;
  }> => {
    const { log } = await device.ask({ type: 'hello' });
    const snapshot = await device.ask({ type: 'wake', reason: 'heartbeat', log, cursor });
    const ids = snapshot.events.flatMap((event) =>
      event.type === 'change' ? event.ids : [event.type],
    );
    return { ids, complete: snapshot.complete, cursor: snapshot.cursor };
  };
  const poisons: Record<string, readonly object[]> = {
    'of no type': [{ type: 'launch', cursor: 2 }],
    'of the wrong shape': [{ type: 'change', collection: 'asks', ids: 'all', cursor: 2 }],
    'with a cursor that would make pages deaf': [
      { type: 'change', collection: 'asks', ids: ['y'], cursor: 9e15 },
    ],
    'that is a text': ['change' as unknown as object],
  };
  test.each(Object.entries(poisons))(
    '%s: a page gets the valid events, and learns that some are missing',
    async (_name, events) => {
      for (const id of ['x', 'y', 'z']) await device.put(id);
      await plant('events', { cursor: 2, events });
      expect(await seen(0)).toEqual({ ids: ['x', 'z'], complete: false, cursor: 3 });
      expect(await quarantined(), 'it has been told by now').toBe(1);
      expect((await seen(0)).complete, 'of the next page too').toBe(false);
      expect(await seen(2)).toMatchObject({ ids: ['z'], complete: true });
      expect(await quarantined()).toBe(1);
    },
  );

  test('at the end of the log: later events get new numbers', async () => {
    for (const id of ['x', 'y']) await device.put(id);
    await plant('events', { cursor: 2, events: 'none' });
    expect(await seen(0)).toMatchObject({ ids: ['x'], complete: false, cursor: 2 });
    await device.put('z');
    expect(await seen(2)).toMatchObject({ ids: ['z'], complete: true, cursor: 3 });
  });

  test('under numbers beyond the engine’s: the log goes on', async () => {
    await device.put('x');
    await plant(
      'events',
      ...[Number.MAX_SAFE_INTEGER, Infinity, 1.5, -4, 'zzz'].map((cursor) => ({
        cursor,
        events: [],
      })),
    );
    await device.put('y');
    expect(await seen(1)).toMatchObject({ ids: ['y'], cursor: 2 });
    await device.put('z');
    expect(await seen(2)).toMatchObject({ ids: ['z'], complete: true, cursor: 3 });
    expect(await quarantined()).toBe(4);
  });
});

test('fault 39: a row that falsely claims to be in the batch travels only once', async () => {
  const server = new TestServer();
  device.isOnline = true;
  await device.sync();
  device.transport = {
    carriesPrivate: true,
    exchange: async ({ request }) => (server.answer(request), { kind: 'retry', for: 'network' }),
  };
  for (const id of ['x', 'y']) await device.put(id, { n: 1 });
  await device.sync();
  await device.capture({ op: 'increment', id: 'x', by: { n: 1 } });
  const sealed = {
    net: { kind: 'edit', set: { n: 1 }, removed: [], inc: {} },
    firstSeq: 1,
    lastSeq: 1,
  };
  const row = {
    collection: 'asks',
    id: 'p',
    base: null,
    revision: 0,
    value: { id: 'p', n: 1 },
    generation: 1,
    sealed,
    ix: [],
    inBatch: 1,
    unsettled: 1,
  };
  await plant('records', row);
  device.transport = server.transport;
  for (let round = 0; round < 3; round++) await device.sync();
  const batches = [...new Set(server.batches)].map((batch) =>
    readBatch(batch).map(({ id, firstSeq }) => `${id} ${firstSeq}`),
  );
  expect(batches.flat().filter((mutation) => mutation === 'y 2')).toHaveLength(1);
});

describe('fault 39: corrupt entries of the history', () => {
  test('are not told, and the log goes on', async () => {
    device.isOnline = true;
    await device.sync();
    const before = (await device.ask({ type: 'history', filter: {} })).length;
    const line = { at: 1, kind: 'circuit', from: 'open', to: 'closed', failures: 1 };
    await plant(
      'history',
      { ...line, seq: 9_007_199_254_740_991 },
      { ...line, seq: 0.5 },
      { ...line, seq: 900, kind: 'rocket' },
      { seq: 901, at: 'then' },
    );
    expect(await device.ask({ type: 'history', filter: {} })).toHaveLength(before);
    await device.put('x');
    await device.sync();
    expect((await device.ask({ type: 'history', filter: {} })).length).toBeGreaterThan(before);
    expect(await quarantined()).toBe(4);
  });
});

test.each<[string, 'deliveries' | 'replica', object]>([
  ['the age of a batch', 'deliveries', { oldestAt: 7n }],
  ['the bytes transferred', 'replica', { bytes: { sent: 7n, received: 7n } }],
])('fault 39: corrupt %s, which decides nothing, stops nothing', async (_name, table, part) => {
  device.isOnline = true;
  await device.sync();
  const { transport } = device;
  device.transport = {
    carriesPrivate: true,
    exchange: async () => ({ kind: 'retry', for: 'network' }),
  };
  await device.put('x');
  await device.sync();
  await (await device.open()).mirror.flush();
  const [row = {}] = await rowsOf(device.indexedDB, 'ana', table);
  await plant(table, { ...row, ...part });
  await device.restart();
  device.transport = transport;
  for (let round = 0; round < 3; round++) await device.sync();
  await device.put('y');
  await device.sync();
  expect(await device.ask({ type: 'get', collection: 'asks', id: 'y' })).toMatchObject({
    state: 'synced',
  });
});

test('fault 39: unchecked parts of a row keep no other row out of a mirror', async () => {
  const itself: object[] = [];
  itself.push(itself);
  await device.put('x');
  const row = { collection: 'asks', base: null, revision: 0, generation: 1, ix: [], unsettled: 1 };
  const pending = {
    net: { kind: 'edit', set: { a: 1 }, removed: [], inc: {} },
    firstSeq: 1,
    lastSeq: 1,
  };
  await plant('records', {
    ...row,
    id: 'p',
    value: { id: 'p' },
    pending,
    sendable: 1,
    more: itself,
  });
  await plant('records', {
    ...row,
    id: 'q',
    value: { id: 'q' },
    pending,
    rejected: 1,
    rejection: { reason: { kind: 'schema', message: 'no' }, at: 1 },
    more: 7n,
  });
  await device.put('y');
  await (await device.open()).mirror.flush();
  expect(device.mirrored?.records.map(({ id }) => id)).toEqual(['x', 'y']);
  expect(JSON.parse(await device.ask({ type: 'export-dead-letters' }))).toMatchObject({
    deadLetters: [{ id: 'q' }],
  });
});

test('a record whose values share a list is not taken for too large', async () => {
  const readings = Array.from({ length: 25_000 }, (_, n) => n % 10);
  await device.put('x', { n: readings });
  await device.restart();
  expect(await device.ask({ type: 'get', collection: 'asks', id: 'x' })).toMatchObject({
    value: { n: readings },
    state: 'local',
  });
  expect(await quarantined()).toBeUndefined();
});

test('fault 39: a list with a property that contains the list is read as a list', async () => {
  const readings = Object.assign([1, 2], { itself: [] as unknown });
  readings.itself = readings;
  await device.put('x', { n: [1, 2] });
  // Written when captures still kept such names.
  const value = { id: 'x', n: readings };
  const net = { kind: 'edit', set: { n: readings }, removed: [], inc: {} };
  const pending = { net, firstSeq: 1, lastSeq: 1 };
  await plant('records', {
    collection: 'asks',
    id: 'x',
    base: null,
    revision: 0,
    value,
    pending,
    generation: 0,
    ix: [],
    sendable: 1,
    unsettled: 1,
  });
  await device.restart();
  const row = await device.ask({ type: 'get', collection: 'asks', id: 'x' });
  expect(JSON.parse(JSON.stringify(row))).toMatchObject({ value: { n: [1, 2] }, state: 'local' });
});

test('fault 39: the quarantine goes on when its counter is full', async () => {
  await device.put('x');
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = device.indexedDB.open('updraft:ana');
    request.onsuccess = () => resolve(request.result);
  });
  db.transaction('quarantine', 'readwrite')
    .objectStore('quarantine')
    .put({}, Number.MAX_SAFE_INTEGER);
  db.close();
  await plant('records', { collection: 'asks', id: 'p', value: 7 });
  expect(
    (await device.ask({ type: 'query', collection: 'asks', query: {} })).map(({ id }) => id),
  ).toEqual(['x']);
  expect(await quarantined()).toBe(2);
});

describe('fault 39: corrupt calls', () => {
  const calls = async (): Promise<{
    readonly device: CallsDevice;
    readonly good: string;
    readonly row: object;
  }> => {
    const made = await CallsDevice.signedIn();
    made.airflow.addDag('report');
    made.online = false;
    const good = await made.trigger('report', { n: 1 });
    const [{ request } = never()] = await made.calls();
    const row = {
      id: 'p',
      seq: 1,
      runId: 'r',
      operation: 'triggerDagRun',
      lane: 'dag:report',
      request,
      state: { kind: 'queued' },
      capturedAt: 1,
      attempts: 0,
    };
    return { device: made, good, row };
  };
  const itself: unknown[] = [];
  itself.push(itself);
  const poisons: Record<string, object> = {
    'with a turn that holds itself': { turn: itself },
    'with a turn that JSON has no word for': { turn: [10n] },
    'in a state of its own': { state: { kind: 'flying' }, turn: ['dag:report', 1] },
    'in another lane than it says': { lane: 'dag:aaa', turn: ['dag:report', 1] },
    'with a key that is no turn': { turn: 'first' },
    'with a request that JSON has no word for': {
      request: { operation: 'launch', n: 7n },
      turn: ['dag:report', 1],
    },
    'without a request': { request: null, turn: ['dag:report', 1] },
    'that is followed and was never sent': { followed: 1 },
    'with an answer to nothing': {
      request: { operation: 'respondToHumanInput' },
      turn: ['dag:report', 1],
    },
  };
  test.each(Object.entries(poisons))(
    '%s: neither shown nor sent, counted once, and blocks no other call',
    async (_name, poison) => {
      const { device: made, good, row } = await calls();
      await plantRows(made.indexedDB, 'ana', 'calls', [{ ...row, ...poison }]);
      made.online = true;
      await made.drain('online');
      expect((await made.calls()).map(({ id, state }) => [id, state.kind])).toEqual([
        [good, 'accepted'],
      ]);
      expect((await made.inputs()).inputs).toEqual([]);
      expect(made.airflow.dags.get('report')?.runs.size).toBe(1);
      expect(await made.status()).toMatchObject({
        quarantined: 1,
        pendingCalls: 0,
        followedCalls: 1,
      });
    },
  );

  test('a corrupt list of waiting tasks is read anew', async () => {
    const { device: made } = await calls();
    await plantRows(made.indexedDB, 'ana', 'inputs', [
      { key: 'pending', seenAt: 1, inputs: [{ dagId: '../..' }] },
    ]);
    expect(await made.inputs()).toEqual({ inputs: [] });
    made.online = true;
    await made.drain('visible');
    expect(await made.inputs()).toMatchObject({ seenAt: made.now, inputs: [] });
    expect(await made.status()).toMatchObject({ quarantined: 1 });
  });

  test('a waiting task that JSON cannot hold is read anew', async () => {
    const { device: made } = await calls();
    const shown = {
      dagId: 'report',
      runId: 'run',
      taskId: 't',
      mapIndex: -1,
      taskInstanceId: 'ti',
      tryNumber: 1,
      createdAt: 'then',
      options: ['Yes'],
    };
    const input = {
      ...shown,
      subject: 's',
      body: null,
      multiple: false,
      defaults: null,
      params: {},
      more: 7n,
    };
    await plantRows(made.indexedDB, 'ana', 'inputs', [
      { key: 'pending', seenAt: 1, inputs: [input] },
    ]);
    made.online = true;
    await made.drain('visible');
    expect(await made.inputs()).toMatchObject({ seenAt: made.now, inputs: [] });
  });
});

function never(): never {
  throw new Error('no call was queued');
}
