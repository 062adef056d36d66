import { describe, expect, test } from 'vitest';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { Doc } from '../../shared/json.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import type { Verdict } from '../../shared/verdict.ts';
import { capturedOn } from '../testing/test-capture.ts';
import { DELETE, type Edit } from './net.ts';
import { sealBatch } from '../outbox/seal.ts';
import { absent, isSendable, type ReplicaRecord } from './record.ts';
import { stateOf } from './row.ts';
import { applyVerdict, type SettleContext } from './apply-verdict.ts';
import { resolveConflict } from './conflict.ts';
import { retryRecord } from './dead-letter.ts';
import { discardPending } from './discard.ts';
import { foldBack, rebaseRecord } from './rebase-record.ts';

const x = (part: object): Doc => ({ id: 'x', ...part });
const edit = (part: Partial<Edit>): Edit => ({
  kind: 'edit',
  set: {},
  removed: [],
  inc: {},
  ...part,
});
const CONTEXT: SettleContext = {
  policy: 'ask',
  generation: 1,
  now: 99,
  newConflictId: () => 'new conflict',
  run: 'run',
};
const known = (base: Doc | null, revision = 1): ReplicaRecord => ({
  ...absent('asks', 'x', 1),
  base,
  value: base,
  revision,
});
const patch = (set: object, removed: string[] = []): ChangeCommand => ({
  op: 'patch',
  id: 'x',
  set,
  removed,
});
const increment = (n: number): ChangeCommand => ({ op: 'increment', id: 'x', by: { n } });
const put = (part: object): ChangeCommand => ({ op: 'put', value: x(part) });
const remove: ChangeCommand = { op: 'delete', id: 'x' };

let seq = 0;
const capture = (record: ReplicaRecord, ...changes: ChangeCommand[]): ReplicaRecord =>
  changes.reduce((on, change) => capturedOn(on, change, ++seq), record);
/** As it leaves: sealed, nothing pending. */
const send = (record: ReplicaRecord): ReplicaRecord => {
  const [sealed] = sealBatch([record], { number: 1, nonce: 'n' }, TRANSPORT_LIMITS.dag).sealed;
  if (!sealed) throw new Error('nothing to send');
  return sealed;
};
const answer = (
  record: ReplicaRecord,
  verdict: object,
  context: Partial<SettleContext> = {},
): ReplicaRecord =>
  applyVerdict(record, { collection: 'asks', id: 'x', revision: 2, ...verdict } as Verdict, {
    ...CONTEXT,
    ...context,
  });

describe('applied', () => {
  test('the base becomes base + mutation, at the new revision, with the run', () => {
    const settled = answer(
      send(capture(known(x({ a: 0, b: 0, n: 1 })), patch({ a: 1 }, ['b']), increment(2))),
      { verdict: 'applied' },
    );
    expect(settled).toEqual({ ...known(x({ a: 1, n: 3 }), 2), run: 'run' });
    expect(stateOf(settled)).toBe('synced');
  });
  test('a delete leaves a tombstone of that revision', () => {
    expect(answer(send(capture(known(x({})), remove)), { verdict: 'applied' })).toEqual({
      ...known(null, 2),
      run: 'run',
    });
  });
  test('what was captured meanwhile waits on the new base', () => {
    const sent = capture(
      send(capture(known(x({ a: 0, n: 0 })), patch({ a: 1 }), increment(1))),
      patch({ a: 2 }),
      increment(1),
    );
    const settled = answer(sent, { verdict: 'applied' });
    expect(settled).toMatchObject({
      base: x({ a: 1, n: 1 }),
      value: x({ a: 2, n: 2 }),
      pending: { net: edit({ set: { a: 2 }, inc: { n: 1 } }) },
    });
    expect(stateOf(settled)).toBe('local');
  });
  test('edited back meanwhile: the old value is a new edit, not nothing', () => {
    const sent = capture(send(capture(known(x({ a: 0 })), patch({ a: 1 }))), patch({ a: 0 }));
    expect(answer(sent, { verdict: 'applied' })).toMatchObject({
      base: x({ a: 1 }),
      value: x({ a: 0 }),
      pending: { net: edit({ set: { a: 0 } }) },
    });
  });
  test('made again while its delete was on the way', () => {
    const sent = capture(send(capture(known(x({ a: 0, b: 0 })), remove)), put({ a: 1 }));
    const settled = answer(sent, { verdict: 'applied' });
    expect(settled).toMatchObject({ base: null, revision: 2, value: x({ a: 1 }) });
    expect(
      JSON.parse(sealBatch([settled], { number: 2, nonce: 'n' }, TRANSPORT_LIMITS.dag).batch ?? ''),
    ).toMatchObject({
      mutations: [{ op: 'create', set: { a: 1 }, baseRevision: 2 }],
    });
  });
});

describe('merged', () => {
  test('the record is what the server made of both', () => {
    const settled = answer(send(capture(known(x({ a: 0, b: 0 })), patch({ a: 1 }))), {
      verdict: 'merged',
      record: x({ a: 1, b: 'theirs' }),
    });
    expect(settled).toEqual({ ...known(x({ a: 1, b: 'theirs' }), 2), run: 'run' });
  });
  test('deleted there as well', () => {
    expect(
      answer(send(capture(known(x({})), remove)), { verdict: 'merged', record: null }),
    ).toMatchObject({ base: null, value: null });
  });
  test('a change captured meanwhile is rebased: a field that only I changed is no conflict', () => {
    const sent = capture(
      send(capture(known(x({ a: 0, b: 0, n: 0 })), patch({ a: 1 }), increment(1))),
      patch({ a: 2 }),
      increment(1),
    );
    const settled = answer(sent, { verdict: 'merged', record: x({ a: 1, b: 'theirs', n: 11 }) });
    expect(settled).toMatchObject({
      value: x({ a: 2, b: 'theirs', n: 12 }),
      pending: { net: edit({ set: { a: 2 }, inc: { n: 1 } }) },
    });
    expect(settled).not.toHaveProperty('mark');
  });
  test('what was captured meanwhile on a field the other side changed too is a conflict', () => {
    const sent = capture(
      send(capture(known(x({ a: 0, b: 0 })), patch({ a: 1 }))),
      patch({ b: 'mine' }),
    );
    const settled = answer(sent, { verdict: 'merged', record: x({ a: 1, b: 'theirs' }) });
    expect(settled).toMatchObject({
      mark: {
        conflictId: 'new conflict',
        reason: 'edited',
        fields: ['b'],
        base: x({ a: 1, b: 0 }),
      },
      value: x({ a: 1, b: 'mine' }),
    });
    expect(isSendable(settled)).toBe(false);
  });
  test('server-wins dropped my field: theirs stands', () => {
    const sent = send(capture(known(x({ a: 0 })), patch({ a: 1 })));
    expect(
      answer(
        sent,
        { verdict: 'merged', record: x({ a: 'theirs' }), dropped: ['a'] },
        { policy: 'server-wins' },
      ),
    ).toEqual({
      ...known(x({ a: 'theirs' }), 2),
      run: 'run',
    });
  });
});

const sentBoth = (): ReplicaRecord =>
  send(capture(known(x({ a: 0, b: 0 })), patch({ a: 'mine', b: 'mine' })));
const conflicted = {
  verdict: 'conflicted',
  fields: ['a'],
  record: x({ a: 'theirs', b: 'mine' }),
} as const;

describe('conflicted', () => {
  test('the conflicting part waits for a person; the free field is in', () => {
    expect(answer(sentBoth(), conflicted)).toMatchObject({
      base: x({ a: 'theirs', b: 'mine' }),
      value: x({ a: 'mine', b: 'mine' }),
      revision: 2,
      run: 'run',
      pending: { net: edit({ set: { a: 'mine' } }) },
      mark: {
        conflictId: 'new conflict',
        reason: 'edited',
        fields: ['a'],
        base: x({ a: 0, b: 'mine' }),
      },
    });
  });
  test('it waits: nothing of it travels before somebody decides', () => {
    expect(isSendable(answer(sentBoth(), conflicted))).toBe(false);
  });
  test('later edits, captured while it was on the way, are mine', () => {
    const settled = answer(capture(sentBoth(), patch({ a: 'newer', b: 'newer' })), conflicted);
    expect(settled).toMatchObject({
      value: x({ a: 'newer', b: 'newer' }),
      pending: { net: edit({ set: { a: 'newer', b: 'newer' } }) },
      mark: { fields: ['a'] },
    });
  });
  test('a later edit to just what they say settles it', () => {
    const settled = answer(capture(sentBoth(), patch({ a: 'theirs' })), conflicted);
    expect(settled).toEqual({ ...known(x({ a: 'theirs', b: 'mine' }), 2), run: 'run' });
  });
  test('an edit of the marked field afterwards is mine, and the mark stays', () => {
    const edited = capture(answer(sentBoth(), conflicted), patch({ a: 'thought again' }));
    expect(edited).toMatchObject({
      value: { a: 'thought again' },
      mark: { conflictId: 'new conflict', fields: ['a'], base: x({ a: 0, b: 'mine' }) },
    });
  });
  test('an edit of the marked field afterwards to what they say lifts the mark', () => {
    const edited = capture(answer(sentBoth(), conflicted), patch({ a: 'theirs' }));
    expect(stateOf(edited)).toBe('synced');
  });
  test('resolved, sent and applied: it does not come back', () => {
    const resolved = resolveConflict(
      answer(sentBoth(), conflicted),
      { theirsRevision: 2, choices: { a: { take: 'mine' } } },
      ++seq,
    );
    const settled = answer(send(resolved), { verdict: 'applied', revision: 3 });
    expect(settled).toMatchObject({ base: x({ a: 'mine', b: 'mine' }), revision: 3 });
    expect(stateOf(settled)).toBe('synced');
  });
});

describe('conflicted as a whole, or by policy', () => {
  test('increments beside the conflict are not added twice', () => {
    const sent = send(capture(known(x({ a: 0, n: 0 })), patch({ a: 'mine' }), increment(2)));
    const settled = answer(sent, {
      verdict: 'conflicted',
      fields: ['a'],
      record: x({ a: 'theirs', n: 7 }),
    });
    expect(settled).toMatchObject({
      value: x({ a: 'mine', n: 7 }),
      pending: { net: edit({ set: { a: 'mine' } }) },
    });
  });
  test('edited here, deleted there: the record as a whole, with everything its author saw', () => {
    const settled = answer(send(capture(known(x({ a: 0, b: 'seen' })), patch({ a: 1 }))), {
      verdict: 'conflicted',
      fields: '*',
      record: null,
    });
    expect(settled).toMatchObject({
      base: null,
      value: x({ a: 1, b: 'seen' }),
      mark: { reason: 'deleted-there', fields: '*', base: x({ a: 0, b: 'seen' }) },
    });
  });
  test('deleted here, edited there', () => {
    const settled = answer(send(capture(known(x({ a: 0 })), remove)), {
      verdict: 'conflicted',
      fields: '*',
      record: x({ a: 'theirs' }),
    });
    expect(settled).toMatchObject({
      value: null,
      pending: { net: DELETE },
      mark: { reason: 'deleted-here', fields: '*', base: x({ a: 0 }) },
    });
  });
  test('the merged record would break the schema: a person sees the reason’s kind', () => {
    const reason = { kind: 'schema', message: 'too many' };
    const settled = answer(
      sentBoth(),
      { verdict: 'conflicted', fields: '*', record: x({ a: 0, b: 'theirs' }), reason },
      { policy: 'client-wins' },
    );
    expect(settled).toMatchObject({
      mark: { reason: 'invalid-merge', fields: '*' },
      pending: { net: edit({ set: { a: 'mine', b: 'mine' } }) },
    });
  });
  test('client-wins, absent there: the edit goes again, as a create of the whole record', () => {
    const sent = send(capture(known(x({ a: 0, b: 'seen' })), patch({ a: 1 })));
    const settled = answer(
      sent,
      { verdict: 'conflicted', fields: '*', record: null, revision: 0 },
      { policy: 'client-wins' },
    );
    expect(isSendable(settled)).toBe(true);
    expect(settled).toMatchObject({
      value: x({ a: 1, b: 'seen' }),
      pending: { net: edit({ set: { a: 1 } }), seen: x({ a: 0, b: 'seen' }) },
    });
    expect(
      JSON.parse(sealBatch([settled], { number: 2, nonce: 'n' }, TRANSPORT_LIMITS.dag).batch ?? ''),
    ).toMatchObject({
      mutations: [{ op: 'create', set: { a: 1, b: 'seen' } }],
    });
  });
  test('server-wins, absent there: nothing is left', () => {
    const sent = send(capture(known(x({ a: 0 })), patch({ a: 1 })));
    expect(
      answer(
        sent,
        { verdict: 'conflicted', fields: '*', record: null, revision: 0 },
        { policy: 'server-wins' },
      ),
    ).toMatchObject({
      base: null,
      value: null,
    });
  });
});

describe('rejected', () => {
  const reason = { kind: 'schema', message: '"valid" must be true', path: '/valid' };
  const rejected = { verdict: 'rejected', record: null, revision: 0, reason } as const;
  const refused = (): ReplicaRecord =>
    answer(send(capture(known(null, 0), put({ valid: false }))), rejected);

  test('it is kept, with the server’s words, and blocks its record', () => {
    expect(refused()).toMatchObject({ value: x({ valid: false }), rejection: { reason, at: 99 } });
    expect(isSendable(refused())).toBe(false);
    expect(stateOf(refused())).toBe('rejected');
  });
  test('an edit lets it travel again, as a whole', () => {
    const edited = capture(refused(), patch({ valid: true }));
    expect(isSendable(edited)).toBe(true);
    expect(
      JSON.parse(sealBatch([edited], { number: 2, nonce: 'n' }, TRANSPORT_LIMITS.dag).batch ?? ''),
    ).toMatchObject({
      mutations: [{ op: 'create', set: { valid: true } }],
    });
  });
  test('edits captured while it was on the way are kept with it', () => {
    const settled = answer(
      capture(send(capture(known(null, 0), put({ valid: false }))), patch({ a: 1 })),
      rejected,
    );
    expect(settled).toMatchObject({ value: x({ valid: false, a: 1 }), rejection: { reason } });
  });
  test('an edit back to what the server has leaves nothing rejected', () => {
    const blocked = answer(send(capture(known(x({ a: 0 })), patch({ a: 'bad' }))), {
      ...rejected,
      record: x({ a: 0 }),
      revision: 1,
    });
    expect(stateOf(blocked)).toBe('rejected');
    expect(stateOf(capture(blocked, patch({ a: 0 })))).toBe('synced');
  });
});

test('a verdict about a record that sent nothing changes nothing', () => {
  const record = capture(known(x({ a: 0 })), patch({ a: 1 }));
  expect(answer(record, { verdict: 'applied' })).toBe(record);
});

describe('rebase of a whole record', () => {
  test('a second conflict of the same record keeps its id and the base of the first one', () => {
    const marked = rebaseRecord(
      capture(known(x({ a: 0, b: 0 })), patch({ a: 1, b: 1 })),
      { base: x({ a: 'theirs', b: 0 }), revision: 2, generation: 1 },
      'ask',
      () => 'first',
    );
    const again = rebaseRecord(
      marked,
      { base: x({ a: 'newer', b: 'theirs' }), revision: 3, generation: 1 },
      'ask',
      () => 'second',
    );
    expect(again.mark).toMatchObject({
      conflictId: 'first',
      fields: ['a', 'b'],
      base: { a: 0, b: 0 },
    });
  });
  test('the other side gives in: the field’s mark goes, with the last mark the conflict', () => {
    const marked = rebaseRecord(
      capture(known(x({ a: 0 })), patch({ a: 1 })),
      { base: x({ a: 2 }), revision: 2, generation: 1 },
      'ask',
      () => 'first',
    );
    expect(stateOf(marked)).toBe('conflict');
    expect(
      stateOf(
        rebaseRecord(
          marked,
          { base: x({ a: 1 }), revision: 3, generation: 1 },
          'ask',
          () => 'second',
        ),
      ),
    ).toBe('synced');
  });
  test('folding back an unanswered batch puts later captures on top', () => {
    const back = foldBack(
      capture(
        send(capture(known(x({ a: 0, n: 0 })), patch({ a: 1 }), increment(1))),
        patch({ a: 2 }),
        increment(1),
      ),
    );
    expect(back).not.toHaveProperty('sealed');
    expect(back.pending?.net).toEqual(edit({ set: { a: 2 }, inc: { n: 2 } }));
    expect(back.pending?.lastSeq).toBeGreaterThan(back.pending?.firstSeq ?? 0);
  });
  test('a field’s conflict becomes the whole record’s when the other side deletes it', () => {
    const marked = rebaseRecord(
      capture(known(x({ a: 0, b: 0 })), patch({ a: 1 })),
      { base: x({ a: 2, b: 0 }), revision: 2, generation: 1 },
      'ask',
      () => 'first',
    );
    const deleted = rebaseRecord(
      marked,
      { base: null, revision: 3, generation: 1 },
      'ask',
      () => 'second',
    );
    expect(deleted).toMatchObject({
      mark: { conflictId: 'first', reason: 'deleted-there', fields: '*' },
      value: x({ a: 1, b: 0 }),
    });
  });
});

describe('case A4: a refusal that knows less than the store', () => {
  const base = x({ a: 1, note: 'on the server' });
  const UNKNOWN = {
    verdict: 'rejected',
    revision: 0,
    record: null,
    reason: { kind: 'unknown_collection', message: 'no such collection' },
  };

  test.each(['unknown_collection', 'malformed', 'not_writable'])(
    '%s with neither revision nor record leaves the base alone: nobody has deleted it there',
    (kind) => {
      const refused = answer(send(capture(known(base, 7), patch({ a: 2 }))), {
        ...UNKNOWN,
        reason: { kind, message: 'no' },
      });
      expect(refused).toMatchObject({
        base,
        revision: 7,
        value: x({ a: 2, note: 'on the server' }),
        rejection: { reason: { kind } },
      });
      expect(refused.mark).toBeUndefined();
      expect(discardPending(refused)).toMatchObject({ base, revision: 7, value: base });
      expect(
        answer(send(retryRecord(refused, {}, ++seq, () => 'new')), {
          verdict: 'applied',
          revision: 8,
        }),
      ).toMatchObject({
        base: x({ a: 2, note: 'on the server' }),
      });
    },
  );
  test('one with the record brings it', () => {
    const now = x({ a: 1, note: 'newer' });
    const refused = answer(send(capture(known(base, 7), patch({ a: 2 }))), {
      ...UNKNOWN,
      revision: 9,
      record: now,
    });
    expect(refused).toMatchObject({ base: now, revision: 9, value: x({ a: 2, note: 'newer' }) });
    expect(discardPending(refused)).toMatchObject({ value: now });
  });
  test('one with a tombstone says that it was deleted', () => {
    const refused = answer(send(capture(known(base, 7), patch({ a: 2 }))), {
      ...UNKNOWN,
      revision: 9,
    });
    expect(refused).toMatchObject({ base: null, revision: 9, mark: { reason: 'deleted-there' } });
  });
});

describe('case A2: a verdict with a record that no row can hold', () => {
  const record = JSON.parse('{"id":"x","a":1,"m":{"__proto__":{"x":1}}}') as object;
  const sent = (): ReplicaRecord =>
    capture(send(capture(known(x({ a: 0, b: 0 }), 1), patch({ a: 1 }))), patch({ b: 1 }));

  test('merged: what was sent is agreed, at the revision that was seen', () => {
    expect(answer(sent(), { verdict: 'merged', record })).toMatchObject({
      base: x({ a: 1, b: 0 }),
      revision: 1,
      pending: { net: edit({ set: { b: 1 } }) },
    });
  });
  test('conflicted: the change is kept, and shown as one that cannot go on', () => {
    const kept = answer(sent(), { verdict: 'conflicted', fields: ['a'], record });
    expect(kept).toMatchObject({
      base: x({ a: 0, b: 0 }),
      revision: 1,
      value: x({ a: 1, b: 1 }),
      rejection: { reason: { kind: 'unreadable' } },
    });
    expect(isSendable(kept)).toBe(false);
  });
  test('rejected: the change is kept on the base as it was', () => {
    const kept = answer(sent(), {
      verdict: 'rejected',
      record,
      reason: { kind: 'schema', message: 'no' },
    });
    expect(kept).toMatchObject({
      base: x({ a: 0, b: 0 }),
      revision: 1,
      value: x({ a: 1, b: 1 }),
      rejection: { reason: { kind: 'schema' } },
    });
  });
});
