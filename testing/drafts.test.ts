import { describe, expect, test } from 'vitest';
import { UpdraftError } from '../shared/errors.ts';
import { testUpdraft } from './index.ts';

interface Visit {
  id: string;
  site: string;
  reading?: number;
  count?: number;
  tags?: string[];
}
interface Collections {
  visits: Visit;
}
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    site: { type: 'string', minLength: 1 },
    reading: { type: 'number', maximum: 100 },
    count: { type: 'integer', maximum: 3 },
    tags: { type: 'array', items: { type: 'string' }, maxItems: 2 },
  },
  required: ['id', 'site'],
  additionalProperties: false,
};
const collections = { version: 1, collections: { visits: { schema } } };
const start = (options: object = {}): ReturnType<typeof testUpdraft<Collections>> =>
  testUpdraft<Collections>({ collections, ...options });
const whyNot = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'stored',
    (error: unknown) => (error instanceof UpdraftError ? [error.kind, error.path] : error),
  );

describe('fault 82: a capture that the server must refuse is refused on the spot', () => {
  test('it rejects with the place and words, and stores nothing', async () => {
    const { updraft, offline } = await start();
    offline();
    const visits = updraft.collection('visits');
    expect(await whyNot(visits.put({ id: 'a', site: 'A7', reading: 101 }))).toEqual([
      'schema',
      '/reading',
    ]);
    await expect(visits.put({ id: 'a', site: '' })).rejects.toThrow(
      /does not fit its schema at \/site: .+ Nothing was stored\. Correct it, or keep it here/,
    );
    expect(await visits.get('a')).toBeNull();
    expect((await updraft.status()).unsent).toBe(0);
  });

  test('a patch that breaks a record leaves the record as it was', async () => {
    const { updraft, idle } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7', reading: 5 });
    await idle();
    expect(await whyNot(visits.patch('a', { reading: 500 }))).toEqual(['schema', '/reading']);
    expect(await whyNot(visits.patch('a', { site: undefined }))).toEqual(['schema', '/site']);
    expect(await visits.get('a')).toMatchObject({ state: 'synced', value: { reading: 5 } });
  });

  test('of many records none is stored, and the place is named', async () => {
    const { updraft } = await start();
    const visits = updraft.collection('visits');
    const many = visits.putMany([
      { id: 'a', site: 'A7' },
      { id: 'b', site: 'B2', reading: 101 },
    ]);
    await expect(many).rejects.toThrow(/Nothing was stored: number 2 .+"b".+\/reading/);
    expect(await whyNot(many)).toEqual(['schema', '/reading']);
    expect(await visits.query()).toHaveLength(0);
  });

  test('sums and lists as sets are left to the server: other devices change them too', async () => {
    const { updraft, offline, online, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7', count: 3, tags: ['x', 'y'] });
    await updraft.whenSettled();
    offline();
    await visits.increment('a', { count: 1 });
    await visits.addTo('a', { tags: ['z'] });
    server.put('visits', { id: 'a', site: 'A7', count: 1, tags: ['x'] });
    expect(await whyNot(visits.patch('a', { reading: 101 }))).toEqual(['schema', '/reading']);
    await visits.patch('a', { reading: 1 });
    await online();
    await updraft.whenSettled();
    expect(server.record('visits', 'a')).toMatchObject({ count: 2, tags: ['x', 'z'], reading: 1 });
  });

  test('a deletion is no record, and is never refused', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7' });
    await idle();
    await visits.delete('a');
    await idle();
    expect(server.record('visits', 'a')).toBeNull();
  });
});

describe('fault 82: a draft stays here until it fits', () => {
  test('it is shown as a draft, counted as unsent, and no dead letter', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', reading: 5 }, { draft: true });
    await idle();
    expect(await visits.get('a')).toMatchObject({
      state: 'draft',
      value: { id: 'a', reading: 5 },
      draft: { path: '/site', message: expect.stringContaining('"site"') },
    });
    expect(await updraft.status()).toMatchObject({
      unsent: 1,
      drafts: 1,
      deadLetters: 0,
      waiting: { for: 'person' },
    });
    expect(await updraft.outbox()).toMatchObject([{ id: 'a', state: 'draft' }]);
    expect(await updraft.deadLetters()).toEqual([]);
    expect(server.record('visits', 'a')).toBeNull();
  });

  test('the capture that completes it sends it, once', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', reading: 5 }, { draft: true });
    await visits.patch('a', { reading: 6 }, { draft: true });
    expect(await whyNot(visits.patch('a', { reading: 7 }))).toEqual(['schema', '/site']);
    expect((await visits.get('a'))?.value.reading).toBe(6);
    const { settled } = await visits.patch('a', { site: 'A7' });
    await idle();
    expect((await settled).verdict).toBe('applied');
    expect(server.record('visits', 'a')).toEqual({ id: 'a', site: 'A7', reading: 6 });
    expect(await updraft.status()).toMatchObject({ unsent: 0 });
    expect((await updraft.status()).drafts).toBeUndefined();
  });

  test('of many records those that fit are sent, the others are kept as drafts', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.putMany([{ id: 'a', site: 'A7' }, { id: 'b' }], { draft: true });
    await idle();
    expect((await visits.query()).map(({ id, state }) => [id, state])).toEqual([
      ['a', 'synced'],
      ['b', 'draft'],
    ]);
    await visits.patchMany([{ id: 'a', set: { site: undefined }, draft: true }]);
    await idle();
    expect((await visits.get('a'))?.state).toBe('draft');
    expect(server.record('visits', 'a')).toEqual({ id: 'a', site: 'A7' });
  });

  test('saved again as it is, without asking for a draft, it is refused and kept', async () => {
    const { updraft } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7', reading: 101 }, { draft: true });
    expect(await whyNot(visits.put({ id: 'a', site: 'A7', reading: 101 }))).toEqual([
      'schema',
      '/reading',
    ]);
    expect((await visits.get('a'))?.state).toBe('draft');
  });

  test('saved again unchanged it stays one draft, and what completes it settles', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', reading: 5 }, { draft: true });
    const before = await updraft.outbox();
    await visits.put({ id: 'a', reading: 5 }, { draft: true });
    expect(await updraft.outbox()).toEqual(before);
    await visits.increment('a', { count: 1 });
    await visits.addTo('a', { tags: ['x'] });
    expect((await visits.get('a'))?.state).toBe('draft');
    const { settled } = await visits.patch('a', { site: 'A7' });
    await idle();
    expect((await settled).verdict).toBe('applied');
    const whole = { id: 'a', reading: 5, count: 1, tags: ['x'], site: 'A7' };
    expect(server.record('visits', 'a')).toEqual(whole);
  });

  test('a record that fits is sent although a draft was asked for', async () => {
    const { updraft, idle, server } = await start();
    await updraft.collection('visits').add({ id: 'a', site: 'A7' }, { draft: true });
    await idle();
    expect(server.record('visits', 'a')).toEqual({ id: 'a', site: 'A7' });
  });

  test('a draft of a record that was sent already holds back the later change alone', async () => {
    const { updraft, idle, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7' });
    await idle();
    await visits.patch('a', { reading: 101 }, { draft: true });
    await idle();
    expect(server.record('visits', 'a')).toEqual({ id: 'a', site: 'A7' });
    expect((await visits.get('a'))?.state).toBe('draft');
    await updraft.discard('visits', 'a');
    expect(await visits.get('a')).toMatchObject({ state: 'synced', value: { site: 'A7' } });
  });

  test('a change from Airflow that completes it lets it travel', async () => {
    const { updraft, idle, offline, online, server } = await start();
    const visits = updraft.collection('visits');
    await visits.put({ id: 'a', site: 'A7', tags: ['x'] });
    await idle();
    offline();
    server.delete('visits', 'a');
    await online();
    await idle();
    await visits.put({ id: 'a', reading: 5 }, { draft: true });
    server.put('visits', { id: 'a', site: 'B2' });
    await updraft.sync();
    await idle();
    const row = await visits.get('a');
    expect(row?.state).not.toBe('draft');
    expect(row?.value.reading).toBe(5);
  });

  test('a sign-out counts it as unsent work', async () => {
    const { updraft } = await start();
    await updraft.collection('visits').put({ id: 'a' }, { draft: true });
    expect(await whyNot(updraft.signOut({ unsent: 'refuse' }))).toEqual(['unsent-work', undefined]);
  });

  test('an option that is no draft is refused', async () => {
    const { updraft } = await start();
    const visits = updraft.collection('visits');
    const odd = { drafts: true } as unknown as { draft: true };
    expect(await whyNot(visits.put({ id: 'a', site: 'A7' }, odd))).toEqual([
      'bad-option',
      undefined,
    ]);
    const from = { from: 1 } as unknown as { draft: true };
    expect(await whyNot(visits.add({ id: 'a', site: 'A7' }, from))).toEqual([
      'bad-option',
      undefined,
    ]);
  });
});
