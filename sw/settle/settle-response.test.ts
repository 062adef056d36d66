import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { ChangeCommand, UpdraftEvent } from '../../shared/messages.ts';
import type { Delivery } from '../state/delivery.ts';
import { capturedOn } from '../testing/test-capture.ts';
import { advance } from '../outbox/advance.ts';
import { ensureOpenDelivery } from '../outbox/open-delivery.ts';
import { nextDelivery } from '../outbox/seal-delivery.ts';
import { buildRequest } from '../replay/build-request.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { ReplicaStore } from '../store/replica-store.ts';
import type { Replica } from '../state/replica.ts';
import { stateOf } from '../record/row.ts';
import { isMine, type Answer } from './answer.ts';
import { settleResponse } from './settle-response.ts';

const DECLARATIONS = readCollections({ version: 1, collections: { asks: { schema: {} } } });
const REPLICA: Replica = {
  user: 'ana',
  replicaId: 'r1',
  logId: 'l1',
  epoch: 'e1',
  last: { number: 4, nonce: 'n4' },
  since: 10,
  floor: 3,
  generation: 2,
  rereading: false,
  ready: true,
  seq: 0,
  mutationsMax: TRANSPORT_LIMITS.dag.batchMutationsMax,
  holding: 'asks',
  backoff: { for: 'network', failures: 3, until: 99 },
  auth: { kind: 'memory', required: null, signIns: 0 },
};

let store: ReplicaStore;
let names = 0;
const newName = (): string => `name${++names}`;
const MAKING = { now: 0, randomHex: newName };
beforeEach(async () => {
  names = 0;
  store = new ReplicaStore('updraft:ana', DECLARATIONS, {
    indexedDB: new IDBFactory(),
    IDBKeyRange,
  });
  await store.write((tx) => tx.putReplica(REPLICA));
});

const put = (id: string, part: object = {}): ChangeCommand => ({
  op: 'put',
  value: { id, ...part },
});
/** Captures changes like the worker. */
async function capture(...changes: ChangeCommand[]): Promise<void> {
  await store.write(async (tx) => {
    let replica = await tx.replica();
    for (const change of changes) {
      const id = 'id' in change ? change.id : (change.value as { id: string }).id;
      replica = { ...replica, seq: replica.seq + 1 };
      await tx.putRecords([
        capturedOn(await tx.record('asks', id, replica.generation), change, replica.seq),
      ]);
    }
    await tx.putReplica(replica);
    await ensureOpenDelivery(tx, replica, MAKING);
  });
}
/** Seals the open delivery and builds its request. */
async function send(): Promise<{ delivery: Delivery | undefined; request: ExchangeRequest }> {
  const delivery = await store.write(async (tx) => {
    const next = await nextDelivery(tx, await tx.replica(), { ...MAKING, maySeal: true });
    return next.delivery && advance(tx, next.delivery, { kind: 'send' }, 0);
  });
  return {
    delivery,
    request: await buildRequest(await store.read((tx) => tx.replica()), delivery),
  };
}
/** An answer that echoes its request. */
function answerTo(
  request: ExchangeRequest,
  delivery: Delivery | undefined,
  part: Partial<ExchangeResponse> = {},
): Answer {
  const { epoch, since, floor, last } = request;
  const response: ExchangeResponse = {
    protocol: 1,
    replicaId: request.replicaId,
    echo: { epoch, since, floor, last, nonce: delivery?.nonce ?? null, hash: request.hash ?? null },
    epoch,
    reset: false,
    start: floor,
    changes: [],
    upTo: since,
    more: false,
    ...part,
  };
  return { request, response, delivery, via: 'dag', run: 'run' };
}
async function settle(answer: Answer): Promise<UpdraftEvent[]> {
  const settling = await store.write(async (tx) =>
    settleResponse(tx, await tx.replica(), answer, {
      declarations: DECLARATIONS,
      now: 77,
      randomHex: newName,
    }),
  );
  return settling.events;
}
async function pull(part: Partial<ExchangeResponse>): Promise<UpdraftEvent[]> {
  const request = await buildRequest(await replica(), undefined);
  return settle(answerTo(request, undefined, part));
}
const replica = (): Promise<Replica> => store.read((tx) => tx.replica());
const record = (id: string): Promise<ReplicaRecord> => store.read((tx) => tx.record('asks', id, 0));
const deliveries = (): Promise<readonly Delivery[]> => store.read((tx) => tx.deliveries());
const seen = (
  id: string,
  revision: number,
  part: object = {},
): ExchangeResponse['changes'][number] => ({
  collection: 'asks',
  id,
  revision,
  record: { id, ...part },
});

describe('case D4: an answer proves the credentials of its request, and no newer ones', () => {
  const renewed = { kind: 'memory', required: null, signIns: 2, renewed: true } as const;
  test.each([
    ['of the present sign-in: the renewed token is good', 2, { ...renewed, renewed: undefined }],
    ['of an earlier sign-in: the renewed token is untried', 1, renewed],
  ])('%s', async (_name, signIns, expected) => {
    await store.write((tx) => tx.putReplica({ ...REPLICA, auth: renewed }));
    const request = await buildRequest(await replica(), undefined);
    await settle({ ...answerTo(request, undefined), signInRequiredAtStart: null, signIns });
    expect((await replica()).auth).toEqual(expected);
  });
});

describe('only an answer to exactly this request counts (law 8)', () => {
  const delivery: Delivery = {
    deliveryId: 'd',
    lane: 'l',
    state: { kind: 'sending', attempt: 1 },
    number: 5,
    nonce: 'n5',
    batch: 'bytes',
  };
  const asked = buildRequest(REPLICA, delivery);
  const mine = async (change: (response: ExchangeResponse) => unknown): Promise<boolean> => {
    const answer = answerTo(await asked, delivery);
    return isMine(REPLICA, { ...answer, response: change(answer.response) as ExchangeResponse });
  };
  const echo =
    (part: object) =>
    (response: ExchangeResponse): unknown => ({ ...response, echo: { ...response.echo, ...part } });

  test('the answer to this request counts', async () => {
    expect(await mine((response) => response)).toBe(true);
  });
  test.each<[string, (response: ExchangeResponse) => unknown]>([
    ['another replica', (response) => ({ ...response, replicaId: 'r2' })],
    [
      'no replica (a request that could not be read)',
      (response) => ({ ...response, replicaId: null }),
    ],
    ['another epoch', echo({ epoch: 'e0' })],
    ['an earlier last batch', echo({ last: { number: 3, nonce: 'n3' } })],
    ['no last batch', echo({ last: null })],
    ['the same number under another nonce: a twin', echo({ last: { number: 4, nonce: 'twin' } })],
    ['another batch', echo({ nonce: 'n6' })],
    ['the same batch name with other bytes', echo({ hash: '00' })],
    ['a pull', echo({ nonce: null, hash: null })],
  ])('an answer to %s is not', async (_name, change) => {
    expect(await mine(change)).toBe(false);
  });
  test('a batch’s answer answers neither a pull nor an earlier replica id’s request', async () => {
    const answer = answerTo(await asked, delivery);
    expect(isMine(REPLICA, { ...answer, delivery: undefined })).toBe(false);
    expect(isMine({ ...REPLICA, replicaId: 'r2' }, answer)).toBe(false);
    expect(
      isMine(
        { ...REPLICA, replicaId: 'r2' },
        { ...answer, response: { ...answer.response, replicaId: 'r2' } },
      ),
    ).toBe(false);
  });
  test('a void’s answer needs its nonce, not a hash', async () => {
    const voiding: Delivery = { ...delivery, refusal: { kind: 'too_large', message: '' } };
    const request = await buildRequest(REPLICA, voiding);
    expect(request).toMatchObject({ void: { number: 5, nonce: 'n5' } });
    expect(request).not.toHaveProperty('batch');
    expect(isMine(REPLICA, answerTo(request, voiding))).toBe(true);
  });
});

describe('a batch answered', () => {
  test('settles its verdicts, number, delivery and the backoff together', async () => {
    await capture(put('x', { a: 1 }), put('bad'));
    const { request, delivery } = await send();
    const reason = { kind: 'schema', message: 'no' };
    const events = await settle(
      answerTo(request, delivery, {
        upTo: 11,
        verdicts: [
          { collection: 'asks', id: 'x', verdict: 'applied', revision: 11 },
          { collection: 'asks', id: 'bad', verdict: 'rejected', revision: 0, record: null, reason },
        ],
      }),
    );
    expect(await record('x')).toMatchObject({ base: { id: 'x', a: 1 }, revision: 11, run: 'run' });
    expect(stateOf(await record('bad'))).toBe('rejected');
    expect(await replica()).toMatchObject({
      last: { number: 5, nonce: delivery?.nonce },
      since: 11,
      backoff: null,
      lastExchangeAt: 77,
    });
    expect(await deliveries()).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(['settled', 'settled', 'dead-letter', 'change']);
  });

  test('with changes of others applies both', async () => {
    await capture(put('x', { a: 1 }));
    const { request, delivery } = await send();
    await settle(
      answerTo(request, delivery, {
        upTo: 12,
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'applied', revision: 11 }],
        changes: [seen('y', 12, { b: 1 })],
      }),
    );
    expect((await record('y')).value).toEqual({ id: 'y', b: 1 });
    expect(await replica()).toMatchObject({ since: 12 });
  });

  test('a mutation without a verdict returns to the outbox and travels again (law 4)', async () => {
    await capture(put('x'), put('y'));
    const { request, delivery } = await send();
    await settle(
      answerTo(request, delivery, {
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'applied', revision: 11 }],
      }),
    );
    expect(stateOf(await record('y'))).toBe('local');
    expect(await deliveries()).toMatchObject([{ state: { kind: 'open' } }]);
  });

  test('settled late: the newer checkpoint stays, the verdicts count', async () => {
    await capture(put('x'));
    const { request, delivery } = await send();
    await store.write(async (tx) => tx.putReplica({ ...(await tx.replica()), since: 20 }));
    await settle(
      answerTo(request, delivery, {
        upTo: 11,
        changes: [seen('y', 11)],
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'applied', revision: 11 }],
      }),
    );
    expect(await replica()).toMatchObject({ since: 20, last: { number: 5 } });
    expect(stateOf(await record('x'))).toBe('synced');
    expect((await record('y')).value).toBeNull();
  });
});

describe('a batch refused as a whole', () => {
  test('for its epoch folds back; a re-read begins, and nothing is sealed meanwhile', async () => {
    await capture(put('x', { a: 1 }));
    const { request, delivery } = await send();
    await capture({ op: 'patch', id: 'x', set: { b: 2 }, removed: [] });
    await settle(
      answerTo(request, delivery, {
        refused: 'epoch',
        epoch: 'e2',
        reset: true,
        start: 5,
        upTo: 2,
        more: true,
      }),
    );
    expect(await replica()).toMatchObject({
      epoch: 'e2',
      last: REPLICA.last,
      since: 2,
      floor: 5,
      generation: 3,
      rereading: true,
    });
    expect(await record('x')).toMatchObject({
      value: { id: 'x', a: 1, b: 2 },
      pending: { net: { set: { a: 1, b: 2 } } },
    });
    expect((await send()).delivery).toBeUndefined();
    await pull({ upTo: 5 });
    expect((await send()).delivery).toMatchObject({ number: 5, epoch: 'e2' });
  });

  test('and voided folds back under its number; the next batches hold half as many', async () => {
    await capture(put('a'), put('b'), put('c'), put('d'));
    const { request, delivery } = await send();
    const voiding = { ...(delivery as Delivery), refusal: { kind: 'too_large', message: '' } };
    await settle(
      answerTo({ ...request, void: { number: 5, nonce: delivery?.nonce ?? '' } }, voiding, {
        refused: 'void',
      }),
    );
    expect(await replica()).toMatchObject({
      last: { number: 5, nonce: delivery?.nonce },
      mutationsMax: 2,
    });
    const next = await send();
    expect(next.delivery).toMatchObject({ number: 6 });
    expect(
      (JSON.parse(next.delivery?.batch ?? '') as { mutations: unknown[] }).mutations,
    ).toHaveLength(2);
  });

  test('down to a single mutation is a dead letter and blocks no other (fault 36)', async () => {
    await capture(put('poison'));
    const { request, delivery } = await send();
    await capture(put('fine'));
    const reason = { kind: 'too_large', message: 'Airflow refused the request with status 413' };
    const voiding = { ...(delivery as Delivery), refusal: reason };
    const events = await settle(
      answerTo({ ...request, void: { number: 5, nonce: delivery?.nonce ?? '' } }, voiding, {
        refused: 'void',
      }),
    );
    expect(events).toContainEqual(expect.objectContaining({ type: 'dead-letter' }));
    expect(await record('poison')).toMatchObject({ rejection: { reason } });
    expect((await send()).delivery?.batch).toContain('"fine"');
  });

  test('as too large limits the bytes, which grow back slowly: a proxy’s limit stays', async () => {
    await capture(put('a', { text: 'x'.repeat(500) }), put('b', { text: 'x'.repeat(500) }));
    const { request, delivery } = await send();
    const voiding = { ...(delivery as Delivery), refusal: { kind: 'too_large', message: '' } };
    await settle(
      answerTo({ ...request, void: { number: 5, nonce: delivery?.nonce ?? '' } }, voiding, {
        refused: 'void',
      }),
    );
    const { bytesMax = 0 } = await replica();
    expect(bytesMax).toBe(100 + Math.floor((delivery?.batch?.length ?? 0) / 2));
    const next = await send();
    await settle(
      answerTo(next.request, next.delivery, {
        verdicts: [{ collection: 'asks', id: 'a', verdict: 'applied', revision: 11 }],
      }),
    );
    expect((await replica()).bytesMax).toBe(Math.ceil((bytesMax * 9) / 8));
  });

  test('the byte limit is forgotten once it has grown back to the transport’s limit', async () => {
    await store.write((tx) =>
      tx.putReplica({ ...REPLICA, bytesMax: TRANSPORT_LIMITS.plugin.batchBytesMax - 1 }),
    );
    await capture(put('x'));
    const { request, delivery } = await send();
    await settle(
      answerTo(request, delivery, {
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'applied', revision: 11 }],
      }),
    );
    expect(await replica()).not.toHaveProperty('bytesMax');
  });

  test('the number of mutations recovers with each answer, up to the limit', async () => {
    await store.write((tx) => tx.putReplica({ ...REPLICA, mutationsMax: 600 }));
    await capture(put('x'));
    const { request, delivery } = await send();
    await settle(
      answerTo(request, delivery, {
        verdicts: [{ collection: 'asks', id: 'x', verdict: 'applied', revision: 11 }],
      }),
    );
    expect((await replica()).mutationsMax).toBe(TRANSPORT_LIMITS.plugin.batchMutationsMax);
  });
});

describe('fault 27: a fork', () => {
  test('takes a new id; no pending change is sent again before a person decides', async () => {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0 })] });
    await capture({ op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
    const { request, delivery } = await send();
    await capture({ op: 'patch', id: 'x', set: { a: 2 }, removed: [] }, put('new'));
    const events = await settle(answerTo(request, delivery, { refused: 'fork' }));
    const forked = await replica();
    expect(forked).toMatchObject({ epoch: null, last: null, since: 0, floor: 0, ready: false });
    expect(forked.replicaId).not.toBe('r1');
    expect(await deliveries()).toEqual([]);
    expect(events.filter(({ type }) => type === 'conflict')).toHaveLength(2);
    expect(await record('x')).toMatchObject({
      value: { a: 2 },
      base: { a: 0 },
      mark: { reason: 'forked', fields: '*', base: { id: 'x', a: 0 } },
    });
    expect(await store.read((tx) => tx.hasSendable())).toBe(false);
  });

  test('settles the twin’s changes once the re-read shows them; the rest waits', async () => {
    await capture(put('sent', { a: 1 }), put('unsent', { a: 1 }));
    const { request, delivery } = await send();
    await settle(answerTo(request, delivery, { refused: 'fork' }));
    await pull({
      epoch: 'e1',
      reset: true,
      start: 12,
      upTo: 12,
      changes: [seen('sent', 11, { a: 1 })],
    });
    expect(stateOf(await record('sent'))).toBe('synced');
    expect(stateOf(await record('unsent'))).toBe('conflict');
    expect(await replica()).toMatchObject({ ready: true, rereading: false, epoch: 'e1' });
  });
});

describe('a page of changes', () => {
  test('applies records, tombstones and gone entries, and moves the checkpoint', async () => {
    await pull({ upTo: 13, changes: [seen('x', 11, { a: 1 }), seen('y', 12), seen('z', 13)] });
    await pull({
      upTo: 15,
      changes: [
        { collection: 'asks', id: 'y', revision: 14, deleted: true },
        { collection: 'asks', id: 'z', revision: 15, gone: true },
      ],
    });
    expect((await record('x')).value).toEqual({ id: 'x', a: 1 });
    expect(await record('y')).toMatchObject({ value: null, revision: 14 });
    expect(await record('z')).toMatchObject({ value: null, revision: 15 });
    expect((await replica()).since).toBe(15);
  });

  test('an older revision of a known record changes nothing', async () => {
    await pull({ upTo: 12, changes: [seen('x', 12, { a: 'new' })] });
    await pull({ upTo: 12, changes: [seen('x', 11, { a: 'old' })] });
    expect((await record('x')).value).toEqual({ id: 'x', a: 'new' });
  });

  test.each<[string, Partial<ExchangeResponse['echo']>]>([
    ['from another checkpoint', { since: 9 }],
    ['from another re-read', { floor: 0 }],
  ])('a late answer %s does not jump the checkpoint', async (_name, part) => {
    const answer = answerTo(await buildRequest(REPLICA, undefined), undefined, {
      upTo: 50,
      changes: [seen('x', 50)],
    });
    await settle({
      ...answer,
      response: { ...answer.response, echo: { ...answer.response.echo, ...part } },
    });
    expect((await replica()).since).toBe(10);
    expect((await record('x')).value).toBeNull();
  });

  test('rebases a pending edit: a free field is taken, the other waits for a person', async () => {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0, b: 0 })] });
    await capture({ op: 'patch', id: 'x', set: { a: 'mine' }, removed: [] });
    await pull({ upTo: 12, changes: [seen('x', 12, { a: 0, b: 'theirs' })] });
    expect(await record('x')).toMatchObject({ value: { a: 'mine', b: 'theirs' }, revision: 12 });
    expect(stateOf(await record('x'))).toBe('local');
    await pull({ upTo: 13, changes: [seen('x', 13, { a: 'theirs', b: 'theirs' })] });
    expect(stateOf(await record('x'))).toBe('conflict');
    expect(await deliveries(), 'nothing may travel, so nothing is open').toEqual([]);
  });
});

describe('a re-read', () => {
  test('begins with reset, ends with its last page; unconfirmed records are gone', async () => {
    await pull({ upTo: 12, changes: [seen('stays', 11, { a: 1 }), seen('vanished', 12)] });
    await pull({
      reset: true,
      start: 20,
      upTo: 15,
      more: true,
      changes: [seen('stays', 11, { a: 'restored' })],
    });
    expect(await replica()).toMatchObject({ since: 15, floor: 20, rereading: true });
    expect((await record('vanished')).value, 'not before the last page').not.toBeNull();
    expect((await record('stays')).value, 'an unverified row takes any revision').toEqual({
      id: 'stays',
      a: 'restored',
    });
    await pull({ upTo: 21, changes: [seen('more', 16)] });
    expect(await replica()).toMatchObject({ since: 21, floor: 20, rereading: false, ready: true });
    expect((await record('vanished')).value).toBeNull();
    expect((await record('more')).value).not.toBeNull();
  });

  test('keeps a pending edit of a record that the backup lacks for a person', async () => {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0, b: 0 })] });
    await capture({ op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
    await pull({ reset: true, start: 5, upTo: 5 });
    expect(await record('x')).toMatchObject({
      base: null,
      value: { id: 'x', a: 1, b: 0 },
      mark: { fields: '*', reason: 'deleted-there' },
    });
  });

  test('keeps a record that was captured and never sent, which may travel', async () => {
    await capture(put('mine', { a: 1 }));
    await pull({ reset: true, start: 5, upTo: 5 });
    expect(stateOf(await record('mine'))).toBe('local');
    expect((await send()).delivery).toMatchObject({ state: { kind: 'sending' } });
  });

  test('sweeps more rows than a single sweep takes', { timeout: 30_000 }, async () => {
    const changes = Array.from({ length: 501 }, (_, at) => seen(`r${at}`, 11));
    await pull({ upTo: 11, changes });
    await pull({ reset: true, start: 11, upTo: 11 });
    expect(await store.read((tx) => tx.query('asks', { limit: 2_000 }))).toEqual({
      records: [],
      more: false,
    });
  });
});

describe('case A2: a record that no row can hold', () => {
  const text = '{"id":"bad","m":{"__proto__":{"x":1},"b":2}}';
  const bad = (revision: number): ExchangeResponse['changes'][number] => ({
    collection: 'asks',
    id: 'bad',
    revision,
    record: JSON.parse(text) as { id: string },
  });

  test('is kept out and counted; the others are taken, and the checkpoint moves', async () => {
    await pull({ upTo: 12, changes: [bad(11), seen('x', 12, { a: 1 })] });
    expect((await record('bad')).value).toBeNull();
    expect((await record('x')).value).toEqual({ id: 'x', a: 1 });
    expect(await replica()).toMatchObject({
      since: 12,
      keptOut: [{ collection: 'asks', id: 'bad' }],
    });
    expect(await store.read((tx) => tx.quarantine.count())).toBe(0);
  });
  test('leaves its row and pending change untouched; once valid again it is taken', async () => {
    await pull({ upTo: 11, changes: [seen('bad', 11, { a: 0, b: 0 })] });
    await capture({ op: 'patch', id: 'bad', set: { a: 1 }, removed: [] });
    await pull({ upTo: 12, changes: [bad(12)] });
    expect(await record('bad')).toMatchObject({
      base: { a: 0, b: 0 },
      revision: 11,
      value: { a: 1, b: 0 },
      pending: { lastSeq: 1 },
    });
    await pull({ upTo: 13, changes: [seen('bad', 13, { a: 0, b: 'mended' })] });
    expect(await record('bad')).toMatchObject({ revision: 13, value: { a: 1, b: 'mended' } });
    expect(await replica()).not.toHaveProperty('keptOut');
  });
  test('is no longer kept out once deleted', async () => {
    await pull({ upTo: 11, changes: [bad(11)] });
    await pull({
      upTo: 12,
      changes: [{ collection: 'asks', id: 'bad', revision: 12, deleted: true }],
    });
    expect(await replica()).not.toHaveProperty('keptOut');
  });
  test('is not taken for gone at the end of a re-read', async () => {
    await pull({ upTo: 11, changes: [seen('bad', 11, { a: 0 })] });
    await capture({ op: 'patch', id: 'bad', set: { a: 1 }, removed: [] });
    await pull({ reset: true, start: 20, upTo: 20, changes: [bad(12)] });
    expect(await record('bad')).toMatchObject({ base: { a: 0 }, revision: 0, value: { a: 1 } });
    expect((await record('bad')).mark).toBeUndefined();
    expect((await replica()).keptOut).toHaveLength(1);
  });
  test.each<[string, object]>([
    ['whose id is another', { id: 'other' }],
    ['with a number that is none', { id: 'bad', n: Infinity }],
    ['too large', { id: 'bad', t: 'x'.repeat(70_000) }],
    ['nested too deeply', { id: 'bad', t: JSON.parse('['.repeat(40) + ']'.repeat(40)) as object }],
    ['with half a surrogate pair', { id: 'bad', t: '\ud800' }],
  ])('%s: kept out, too', async (_name, content) => {
    await pull({
      upTo: 11,
      changes: [{ collection: 'asks', id: 'bad', revision: 11, record: content as { id: string } }],
    });
    expect(await replica()).toMatchObject({ since: 11, keptOut: [{ id: 'bad' }] });
  });
  test('is remembered by name, up to a thousand', async () => {
    await pull({
      upTo: 1_100,
      changes: Array.from({ length: 1_050 }, (_, at) => ({ ...bad(11 + at), id: `bad${at}` })),
    });
    expect((await replica()).keptOut).toHaveLength(1_000);
  });
});

describe('case A4: a collection that Airflow does not declare for a while', () => {
  const refusal = (): Partial<ExchangeResponse> => ({
    verdicts: [
      {
        verdict: 'rejected',
        collection: 'asks',
        id: 'x',
        revision: 0,
        record: null,
        reason: { kind: 'unknown_collection', message: 'there is no collection asks' },
      },
    ],
    undeclared: ['asks'],
  });
  async function refused(): Promise<void> {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0, note: 'n' })] });
    await capture({ op: 'patch', id: 'x', set: { a: 1 }, removed: [] });
    const { request, delivery } = await send();
    await settle(answerTo(request, delivery, refusal()));
  }

  test('keeps its records, and the change waits as a dead letter', async () => {
    await refused();
    expect(await record('x')).toMatchObject({
      base: { a: 0, note: 'n' },
      revision: 11,
      rejection: { reason: { kind: 'unknown_collection' } },
    });
    expect((await record('x')).mark).toBeUndefined();
    await pull({ undeclared: ['asks'] });
    expect(stateOf(await record('x')), 'not declared yet').toBe('rejected');
  });
  test('declared again makes the replica read from the start, and the change travels', async () => {
    await refused();
    await pull({ undeclared: [] });
    expect(await replica()).toMatchObject({ since: 0, floor: 0, ready: false });
    await pull({ upTo: 12, changes: [seen('x', 12, { a: 0, note: 'meanwhile' })], undeclared: [] });
    expect(await record('x')).toMatchObject({ revision: 12, value: { a: 1, note: 'meanwhile' } });
    const { delivery } = await send();
    expect(delivery?.batch).toContain('"baseRevision":12');
  });
  test('keeps its records through a re-read', async () => {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0 })] });
    await pull({ reset: true, epoch: 'e2', start: 5, upTo: 3, more: true, undeclared: ['asks'] });
    await pull({ upTo: 5, undeclared: ['asks'] });
    expect(await record('x')).toMatchObject({ base: { a: 0 }, revision: 0, value: { a: 0 } });
    await pull({ undeclared: [] });
    await pull({ upTo: 5, changes: [seen('x', 4, { a: 'as the store has it' })], undeclared: [] });
    expect(await record('x')).toMatchObject({ revision: 4, value: { a: 'as the store has it' } });
  });
  test('case A18: declared again, drops what a restored store lost meanwhile', async () => {
    await pull({ upTo: 11, changes: [seen('x', 11, { a: 0 }), seen('y', 10, { a: 0 })] });
    // The store was restored while the collection was undeclared: the re-read spares its rows.
    await pull({ reset: true, epoch: 'e2', start: 5, upTo: 5, undeclared: ['asks'] });
    await pull({ undeclared: [] });
    expect(await record('x'), 'kept until the pages are complete').toMatchObject({
      value: { a: 0 },
    });
    await pull({ upTo: 3, changes: [seen('y', 3, { a: 0 })], more: true, undeclared: [] });
    await pull({ upTo: 5, undeclared: [] });
    expect([(await record('x')).value, (await record('y')).value]).toMatchObject([null, { a: 0 }]);
    expect(await replica()).toMatchObject({ rereading: false, ready: true });
  });
  test('on an older server waits for a person to send the change again', async () => {
    await refused();
    await pull({});
    expect(stateOf(await record('x'))).toBe('rejected');
    expect(await replica()).toMatchObject({ undeclared: ['asks'], since: 11 });
  });
  test('does not lift a refusal that concerns the record itself', async () => {
    await capture(put('x', { a: 1 }));
    const { request, delivery } = await send();
    const reason = { kind: 'schema', message: 'no' };
    await settle(
      answerTo(request, delivery, {
        verdicts: [
          { verdict: 'rejected', collection: 'asks', id: 'x', revision: 0, record: null, reason },
        ],
        undeclared: [],
      }),
    );
    await pull({ undeclared: [] });
    expect(stateOf(await record('x'))).toBe('rejected');
  });
});
