import * as v from 'valibot';
import { expect, test } from 'vitest';
import { BatchSchema, type Batch } from '../../shared/batch.ts';
import type { Doc } from '../../shared/json.ts';
import { RECORD_BYTES_MAX, TRANSPORT_LIMITS } from '../../shared/limits.ts';
import { absent, type ReplicaRecord } from '../record/record.ts';
import { DELETE, type Edit, type Net } from '../record/net.ts';
import { sealBatch } from './seal.ts';

const NAME = { number: 7, nonce: 'n'.repeat(20) };
const edit = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});
const record = (id: string, base: Doc | null, net: Net, seq = 1): ReplicaRecord => ({
  ...absent('asks', id, 1),
  base,
  revision: base ? 5 : 0,
  pending: { net, firstSeq: seq, lastSeq: seq },
});
const created = (id: string, seq: number, note = ''): ReplicaRecord =>
  record(id, null, edit({ set: { note } }), seq);
const parse = (batch: string | undefined): Batch =>
  v.parse(v.pipe(v.string(), v.parseJson(), BatchSchema), batch);

test.each<[string, ReplicaRecord, object]>([
  [
    'a new record is created',
    record('x', null, edit({ set: { a: 1 }, inc: { n: 2 } })),
    { op: 'create', set: { a: 1, n: 2 }, baseRevision: 0 },
  ],
  [
    'a new record without a field',
    record('x', null, edit({})),
    { op: 'create', set: {}, baseRevision: 0 },
  ],
  [
    'a known record is patched with what differs',
    record('x', { id: 'x', a: 0, b: 1 }, edit({ set: { a: 1, b: 1 } })),
    { op: 'patch', set: { a: 1 } },
  ],
  [
    'removed fields are named',
    record('x', { id: 'x', a: 0 }, edit({ removed: ['a', 'never'] })),
    { op: 'patch', removed: ['a'] },
  ],
  [
    'increments stay increments',
    record('x', { id: 'x', n: 3 }, edit({ inc: { n: 2 } })),
    { op: 'patch', inc: { n: 2 } },
  ],
  [
    'fault 76: elements stay elements',
    record('x', { id: 'x', t: ['a'] }, edit({ elements: { t: { added: ['b'], removed: ['a'] } } })),
    { op: 'patch', elements: { t: { added: ['b'], removed: ['a'] } } },
  ],
  [
    'a new record has the elements that it adds',
    record('x', null, edit({ elements: { t: { added: ['b'], removed: ['a'] } } })),
    { op: 'create', set: { t: ['b'] }, baseRevision: 0 },
  ],
  ['a delete says nothing else', record('x', { id: 'x', a: 0 }, DELETE), { op: 'delete' }],
])('%s', (_name, from, expected) => {
  const [mutation] = parse(sealBatch([from], NAME, TRANSPORT_LIMITS.dag).batch).mutations;
  expect(mutation).toEqual({
    collection: 'asks',
    id: 'x',
    firstSeq: 1,
    lastSeq: 1,
    baseRevision: 5,
    ...expected,
  });
});

test.each<[string, ReplicaRecord]>([
  ['a set to what the base says', record('x', { id: 'x', a: 1 }, edit({ set: { a: 1 } }))],
  ['a removal of what is not there', record('x', { id: 'x' }, edit({ removed: ['a'] }))],
  ['an increment by nothing', record('x', { id: 'x' }, edit({ inc: { n: 0 } }))],
  [
    'an addition of what is there',
    record('x', { id: 'x', t: ['a'] }, edit({ elements: { t: { added: ['a'], removed: ['b'] } } })),
  ],
  ['a delete of what is not there', record('x', null, DELETE)],
])('an empty net settles here, or it never would: %s', (_name, from) => {
  expect(sealBatch([from], NAME, TRANSPORT_LIMITS.dag)).toEqual({
    batch: undefined,
    sealed: [],
    settledLocally: [from],
  });
});

test('a batch holds at most so many mutations, oldest first; empty nets do not count', () => {
  const records = [
    created('a', 1),
    record('empty', { id: 'empty' }, edit({ set: {} }), 2),
    created('b', 3),
    created('c', 4),
  ];
  const { batch, sealed, settledLocally } = sealBatch(records, NAME, {
    ...TRANSPORT_LIMITS.dag,
    batchMutationsMax: 2,
  });
  expect(parse(batch).mutations.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(sealed.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(settledLocally.map(({ id }) => id)).toEqual(['empty']);
});

test.each(Object.entries(TRANSPORT_LIMITS))(
  'a batch never exceeds its bytes; the rest waits for the next batch: %s',
  (_name, limits) => {
    const records = Array.from({ length: 250 }, (_, at) =>
      created(`r${at}`, at + 1, 'é'.repeat(2_000)),
    );
    const { batch, sealed } = sealBatch(records, NAME, limits);
    const bytes = new TextEncoder().encode(batch).length;
    expect(bytes).toBeLessThanOrEqual(limits.batchBytesMax);
    expect(bytes, 'as full as it can be').toBeGreaterThan(limits.batchBytesMax - 5_000);
    expect(sealed.length).toBe(parse(batch).mutations.length);
    expect(sealed.length).toBeLessThan(250);
  },
);

test('the largest record, replaced by another of the same size, fits into one batch', () => {
  const fields = Math.floor((RECORD_BYTES_MAX - 20) / 99);
  const full = (letter: string): Doc => ({
    id: 'x',
    ...Object.fromEntries(
      Array.from({ length: fields }, (_, at) => [`${letter.repeat(90)}${1000 + at}`, 0]),
    ),
  });
  expect(JSON.stringify(full('a')).length).toBeGreaterThan(RECORD_BYTES_MAX - 120);
  expect(JSON.stringify(full('a')).length).toBeLessThanOrEqual(RECORD_BYTES_MAX);
  const { id: _, ...set } = full('b');
  const before = full('a');
  const { batch } = sealBatch(
    [
      record(
        'x',
        before,
        edit({ set, removed: Object.keys(before).filter((key) => key !== 'id') }),
      ),
    ],
    NAME,
    TRANSPORT_LIMITS.dag,
  );
  expect(new TextEncoder().encode(batch).length).toBeLessThanOrEqual(
    TRANSPORT_LIMITS.dag.batchBytesMax,
  );
});

test('sealed bytes are the bytes that travel; the record keeps later edits apart', () => {
  const from = record('x', { id: 'x', a: 0, b: 1 }, edit({ set: { a: 1, b: 1 } }), 3);
  const { batch, sealed } = sealBatch([from], NAME, TRANSPORT_LIMITS.dag);
  expect(batch).toBe(
    `{"number":7,"nonce":"${NAME.nonce}","mutations":[{"collection":"asks","id":"x",` +
      '"firstSeq":3,"lastSeq":3,"baseRevision":5,"op":"patch","set":{"a":1}}]}',
  );
  expect(sealed[0]).toMatchObject({
    sealed: { net: edit({ set: { a: 1 } }), firstSeq: 3, lastSeq: 3 },
  });
  expect(sealed[0]).not.toHaveProperty('pending');
});

test('a record without a pending change is not sent', () => {
  expect(sealBatch([absent('asks', 'x', 1)], NAME, TRANSPORT_LIMITS.dag)).toEqual({
    batch: undefined,
    sealed: [],
    settledLocally: [],
  });
});

test('fault 36: a batch never makes a request too large for the provider: quotes double', () => {
  const texts = Array.from({ length: 3 }, (_, at) => created(`r${at}`, at + 1, '"'.repeat(31_000)));
  const { batch } = sealBatch(texts, NAME, TRANSPORT_LIMITS.dag);
  const request = JSON.stringify({
    protocol: 1,
    replicaId: 'r'.repeat(20),
    user: 'ana',
    epoch: 'e'.repeat(20),
    last: NAME,
    batch,
    hash: 'h'.repeat(64),
    since: 1,
    floor: 1,
    limit: 1000,
  });
  expect(new TextEncoder().encode(request).length).toBeLessThanOrEqual(262_144);
});
