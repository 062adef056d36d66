import { beforeEach, describe, expect, test } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { HttpReply } from '../transport/http.ts';
import { CallsDevice, SIGNED_IN } from './calls-device.ts';
import type { Fault } from '../testing/test-airflow.ts';

const INPUT = 'report/run-1/approve/-1';
const AMBIGUOUS: readonly Fault[] = ['answer-lost', 'portal', 'broken'];
let device: CallsDevice;

beforeEach(async () => {
  device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  device.airflow.addDag('other');
});

const runsOf = (dagId: string): string[] => [
  ...(device.airflow.dags.get(dagId)?.runs.keys() ?? []),
];
const setRun = (dagId: string, runId: string, state: string): void =>
  void Object.assign(device.airflow.dags.get(dagId)?.runs.get(runId) ?? {}, { state });
const asked = (options: readonly string[] = ['Approve', 'Reject'], tryNumber = 1): void =>
  void device.airflow.inputs.set(INPUT, {
    id: `ti-${tryNumber}`,
    tryNumber,
    createdAt: `2026-01-0${tryNumber}T00:00:00Z`,
    options,
  });
/** The input request as the device has seen the list. */
async function shown(): Promise<Parameters<CallsDevice['respond']>[0]> {
  await device.drain('visible');
  const [input] = (await device.inputs()).inputs;
  if (!input) throw new Error('the device has seen no request');
  return input;
}

describe('a trigger', () => {
  test('queued offline is durable, has a wake-up, and is followed to success online', async () => {
    device.online = false;
    const id = await device.trigger('report', { day: 1 });
    expect(device.wakeUps.map(({ deliveryId }) => deliveryId)).toEqual([id]);
    expect(await device.status()).toMatchObject({ pendingCalls: 1, waiting: { for: 'network' } });
    device.stop();
    device.online = true;
    await device.drain('online');
    const [runId = ''] = runsOf('report');
    expect(runId).toMatch(/^updraft__[0-9a-f]{20}__call__/);
    expect(await device.state(id)).toMatchObject({ kind: 'accepted', runId });
    expect(device.wakeUps, 'Airflow has it: the browser need not wake anybody').toEqual([]);
    expect(await device.status()).toMatchObject({ pendingCalls: 0, followedCalls: 1 });
    await device.later();
    expect(await device.state(id)).toMatchObject({
      kind: 'following',
      run: 'queued',
      paused: false,
    });
    setRun('report', runId, 'running');
    await device.later();
    setRun('report', runId, 'success');
    await device.later();
    expect(await device.state(id)).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'run', runId, state: 'success' },
    });
    expect(device.told(id)).toEqual([
      'queued',
      'sending',
      'accepted',
      'following',
      'following',
      'settled',
    ]);
    expect(await device.status()).toMatchObject({
      pendingCalls: 0,
      followedCalls: 0,
      deadLetters: 0,
    });
  });

  test.each(AMBIGUOUS)('answered by “%s” is sent again and meets its own run', async (fault) => {
    device.airflow.faults.push({ on: 'POST /api/v2/dags/report', fault });
    const id = await device.trigger('report', { day: 1 });
    await device.drain();
    expect(await device.state(id)).toMatchObject({ kind: 'waiting' });
    await device.later();
    expect(runsOf('report')).toHaveLength(1);
    expect(await device.state(id)).toMatchObject({ kind: 'accepted' });
  });

  test('whose run id belongs to another run becomes a conflict', async () => {
    device.airflow.faults.push({ on: 'POST /api/v2/dags/report', fault: 'answer-lost' });
    const id = await device.trigger('report', { day: 1 });
    await device.drain();
    const [runId = ''] = runsOf('report');
    Object.assign(device.airflow.dags.get('report')?.runs.get(runId) ?? {}, { conf: { day: 2 } });
    await device.later();
    expect(await device.state(id)).toMatchObject({
      kind: 'dead',
      reason: { kind: 'conflict', conflict: 'run-id-taken' },
    });
  });

  test('of a paused DAG is in Airflow, and shows that its run waits there', async () => {
    device.airflow.addDag('asleep', true);
    const id = await device.trigger('asleep');
    await device.drain();
    await device.later();
    expect(await device.state(id)).toMatchObject({
      kind: 'following',
      run: 'queued',
      paused: true,
    });
  });

  test('of a missing DAG is held and shown; others go on; it goes on with the DAG', async () => {
    const held = await device.trigger('missing');
    const other = await device.trigger('other');
    await device.drain();
    expect(await device.state(held)).toMatchObject({ kind: 'held', for: 'dag-missing' });
    expect(await device.state(other)).toMatchObject({ kind: 'accepted' });
    device.airflow.addDag('missing');
    await device.later();
    expect(await device.state(held)).toMatchObject({ kind: 'accepted' });
  });

  test('whose run is deleted, or fails, settles with that outcome', async () => {
    const [gone, failed] = [await device.trigger('report'), await device.trigger('other')];
    await device.drain();
    device.airflow.dags.get('report')?.runs.clear();
    setRun('other', runsOf('other')[0] ?? '', 'failed');
    await device.later();
    expect(await device.state(gone)).toMatchObject({ kind: 'settled', outcome: { state: 'gone' } });
    expect(await device.state(failed)).toMatchObject({
      kind: 'settled',
      outcome: { state: 'failed' },
    });
  });
});

describe('case D3: tasks that wait for a person', () => {
  const waits = (dagId: string, runId: string, nth = -1, more: object = {}): void =>
    void device.airflow.inputs.set(`${dagId}/${runId}/approve/${nth}`, {
      id: `ti ${dagId} ${runId} ${nth}`,
      tryNumber: 1,
      createdAt: '2026-01-01T00:00:00Z',
      options: ['Approve'],
      ...more,
    });
  const ids = async (on = device): Promise<string[]> =>
    (await on.inputs()).inputs.map(({ runId, mapIndex }) => `${runId} ${mapIndex}`);

  test('are all shown, page by page, odd run ids included, and can be answered', async () => {
    device.airflow.pageMax = 40;
    for (let nth = 0; nth < 101; nth++) waits('report', 'mapped', nth);
    waits('report', 'retry~of~2026');
    waits('report', 'r'.repeat(240));
    await device.drain('visible');
    expect(await ids()).toHaveLength(103);
    expect((await device.inputs()).notShown).toBeUndefined();
    for (const runId of ['retry~of~2026', 'r'.repeat(240)]) {
      const input =
        (await device.inputs()).inputs.find((each) => each.runId === runId) ?? expect.unreachable();
      const id = await device.respond(input, 'Approve');
      await device.drain();
      expect(await device.state(id)).toMatchObject({
        kind: 'settled',
        outcome: { kind: 'answered' },
      });
    }
  });

  test('are asked for by allowed DAG: other DAGs’ tasks use up no room', async () => {
    const narrow = await CallsDevice.signedIn(
      { respondToHumanInput: ['one', 'gone'] },
      SIGNED_IN,
      device.airflow,
    );
    device.airflow.addDag('one');
    for (let nth = 0; nth < 3_000; nth++) waits('report', 'many', nth);
    waits('one', 'mine');
    await narrow.drain('visible');
    expect(await ids(narrow)).toEqual(['mine -1']);
    expect((await narrow.inputs()).notShown).toBeUndefined();
  });

  test('beyond the limit, or with unreadable names, are counted', async () => {
    for (let nth = 0; nth < 2_050; nth++)
      waits('report', nth === 7 ? '~' : `r${nth}`, -1, nth === 8 ? { options: [] } : {});
    await device.drain('visible');
    expect(await ids()).toHaveLength(1_998);
    expect((await device.inputs()).notShown).toEqual([
      { why: 'too-many', count: 50 },
      { why: 'unreadable', count: 2 },
    ]);
  });

  test('name their assignees; anybody else’s answer dies at once in Airflow’s words', async () => {
    waits('report', 'theirs', -1, { assigned: ['ben'] });
    await device.drain('visible');
    const [input = expect.unreachable()] = (await device.inputs()).inputs;
    expect(input.assignedUsers).toEqual([{ id: 'ben', name: 'ben' }]);
    const id = await device.respond(input, 'Approve');
    await device.drain();
    expect(await device.state(id)).toMatchObject({
      kind: 'dead',
      reason: {
        kind: 'refused',
        status: 403,
        message: 'User=ana (id=ana) is not a respondent for the task.',
      },
    });
    expect(await device.calls()).toMatchObject([{ attempts: 1 }]);
  });

  test('a missing right holds the call: an operator can give the right', async () => {
    device.airflow.faults.push({
      on: 'POST /api/v2/dags/report',
      fault: { kind: 'http', status: 403, json: { detail: 'Forbidden' } },
    });
    const id = await device.trigger('report');
    await device.drain();
    expect(await device.state(id)).toMatchObject({ kind: 'held', for: 'forbidden' });
  });
});

describe('case A9: a call that is turned away', () => {
  const PROXY: HttpReply = {
    kind: 'http',
    status: 403,
    json: undefined,
    text: '<title>Blocked</title>',
  };
  test.each<[string, HttpReply]>([
    ['a proxy’s page', PROXY],
    [
      'a failure of Airflow itself',
      { kind: 'http', status: 500, json: { detail: 'Internal Server Error' } },
    ],
    ['a connection that is cut', { kind: 'failed', why: 'network' }],
  ])(
    'by %s is a dead letter after some tries while Airflow answers, and its lane goes on',
    async (_name, reply) => {
      for (let n = 0; n < 4; n++)
        device.airflow.faults.push({ on: 'POST /api/v2/dags/report', fault: reply });
      const id = await device.trigger('report', { note: 'DROP TABLE' });
      const next = await device.trigger('report', { note: 'sound' });
      for (let n = 0; n < 5; n++) {
        device.stop();
        await device.later();
      }
      expect(await device.state(id)).toMatchObject({
        kind: 'dead',
        reason: { kind: 'refused-on-the-way' },
      });
      expect(await device.state(next)).toMatchObject({
        kind: expect.stringMatching(/accepted|following/),
      });
      await device.ask({ type: 'retry-call', requestId: 'again', id });
      await device.later();
      expect(await device.state(id)).toMatchObject({
        kind: expect.stringMatching(/accepted|following/),
      });
    },
  );
  test('survives an outage of any length', async () => {
    const id = await device.trigger('report');
    for (let n = 0; n < 8; n++) {
      for (const on of ['POST /api/v2/dags/report', 'GET /api/v2/dags/report'])
        device.airflow.faults.push({ on, fault: { kind: 'http', status: 502, json: undefined } });
      await device.later();
      device.airflow.faults.length = 0;
    }
    expect(await device.state(id)).toMatchObject({ kind: 'waiting', for: 'airflow' });
  });
});

describe('an answer to a task that waits for a person', () => {
  test('the list is readable offline, with its age; the answer is sent when online', async () => {
    asked();
    await device.drain('visible');
    device.online = false;
    device.now += 3_600_000;
    const { seenAt, inputs } = await device.inputs();
    expect(device.now - (seenAt ?? 0)).toBe(3_600_000);
    expect(inputs).toMatchObject([
      {
        dagId: 'report',
        taskId: 'approve',
        subject: 'Approve approve?',
        options: ['Approve', 'Reject'],
      },
    ]);
    const id = inputs[0] && (await device.respond(inputs[0], 'Approve'));
    expect((await device.inputs()).inputs).toMatchObject([{ answeredBy: id }]);
    device.online = true;
    await device.drain('online');
    expect(device.airflow.inputs.get(INPUT)).toMatchObject({ by: 'ana', chosen: ['Approve'] });
    expect(await device.state(id ?? '')).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'answered', chosen: ['Approve'] },
    });
    expect((await device.inputs()).inputs, 'it waits no more').toEqual([]);
  });

  test.each(AMBIGUOUS)(
    'answered by “%s” is looked for before anything is sent again',
    async (fault) => {
      asked();
      const id = await device.respond(await shown(), 'Approve');
      device.airflow.faults.push({ on: 'PATCH', fault });
      await device.drain();
      await device.later();
      expect(await device.state(id)).toMatchObject({ kind: 'settled' });
      expect(device.airflow.log.filter((line) => line.startsWith('PATCH'))).toHaveLength(1);
    },
  );

  test('a task answered, asked anew or gone: a conflict is shown, nothing sent', async () => {
    const conflictAfter = async (change: () => void): Promise<unknown> => {
      device.airflow.inputs.clear();
      asked();
      const input = await shown();
      change();
      const id = await device.respond(input, 'Approve');
      await device.drain();
      const state = await device.state(id);
      return state?.kind === 'dead' ? state.reason : state;
    };
    expect(
      await conflictAfter(() =>
        Object.assign(device.airflow.inputs.get(INPUT) ?? {}, { by: 'ben', chosen: ['Reject'] }),
      ),
    ).toMatchObject({
      kind: 'conflict',
      conflict: 'answered',
      theirs: { by: 'ben', chosen: ['Reject'] },
      message: expect.stringContaining('by ben: Reject'),
    });
    expect(await conflictAfter(() => asked(['Approve', 'Reject'], 2))).toMatchObject({
      conflict: 'replaced',
    });
    expect(await conflictAfter(() => asked(['Approve', 'Postpone']))).toMatchObject({
      conflict: 'replaced',
    });
    expect(await conflictAfter(() => device.airflow.inputs.clear())).toMatchObject({
      conflict: 'gone',
    });
    expect(device.airflow.log.filter((line) => line.startsWith('PATCH'))).toEqual([]);
    expect(device.events.filter(({ type }) => type === 'dead-letter')).toHaveLength(4);
  });

  test('somebody else’s answer between the look and this answer is a conflict too', async () => {
    asked();
    const id = await device.respond(await shown(), 'Approve');
    device.airflow.faults.push({
      on: 'PATCH',
      fault: Promise.resolve().then((): HttpReply => {
        Object.assign(device.airflow.inputs.get(INPUT) ?? {}, { by: 'ben', chosen: ['Reject'] });
        return { kind: 'http', status: 409, json: { detail: 'already updated' } };
      }),
    });
    await device.drain();
    expect(await device.state(id)).toMatchObject({
      kind: 'dead',
      reason: { conflict: 'answered' },
    });
  });
});

describe('an operation that is sent once', () => {
  test('is done and settled', async () => {
    const id = await device.clear('report', 'run-1', 'load', 'check');
    await device.drain();
    expect(await device.state(id)).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'cleared', tasks: 2 },
    });
  });

  test.each(AMBIGUOUS)(
    'answered by “%s” is a dead letter, and is never sent again',
    async (fault) => {
      device.airflow.faults.push({ on: 'clearTaskInstances', fault });
      const id = await device.clear('report', 'run-1', 'load');
      await device.drain();
      for (let round = 0; round < 5; round++) await device.later(600_000);
      expect(await device.state(id)).toMatchObject({
        kind: 'dead',
        reason: { kind: 'outcome-unknown' },
      });
      expect(device.airflow.cleared).toEqual(['load']);
      expect(await device.letters()).toMatchObject([
        {
          kind: 'call',
          id,
          attempts: 1,
          request: { taskIds: ['load'] },
          reason: { kind: 'outcome-unknown' },
        },
      ]);
    },
  );

  test('is tried again where Airflow certainly did nothing', async () => {
    device.airflow.faults.push({
      on: 'clearTaskInstances',
      fault: { kind: 'http', status: 429, json: undefined },
    });
    const id = await device.clear('report', 'run-1', 'load');
    await device.drain();
    expect(await device.state(id)).toMatchObject({ kind: 'waiting' });
    await device.later(600_000);
    expect(await device.state(id)).toMatchObject({ kind: 'settled' });
  });
});

describe('signing in', () => {
  test('fault 23: credentials that Airflow refuses park the call; a sign-in sends it', async () => {
    device.airflow.faults.push({
      on: 'POST',
      fault: { kind: 'http', status: 401, json: { detail: 'Not authenticated' } },
    });
    const id = await device.trigger('report');
    await device.drain();
    expect(await device.state(id)).toEqual({ kind: 'parked', for: 'sign-in' });
    expect(await device.status()).toMatchObject({ auth: 'required', waiting: { for: 'sign-in' } });
    expect(device.events).toContainEqual(
      expect.objectContaining({ type: 'auth-required', reason: 'refused' }),
    );
    await device.signIn();
    await device.drain('sign-in');
    expect(await device.state(id)).toMatchObject({ kind: 'accepted' });
  });

  test('fault 38: nothing is sent as another user', async () => {
    const other = await CallsDevice.signedIn(
      { triggerDagRun: true },
      { ...SIGNED_IN, authorize: async () => ({ kind: 'sign-in', reason: 'other-user' }) },
    );
    other.airflow.addDag('report');
    const id = await other.trigger('report');
    await other.drain();
    expect(await other.state(id)).toEqual({ kind: 'parked', for: 'other-user' });
    expect(other.airflow.log).toEqual([]);
  });

  test('a sign-out that refuses to lose anything fails while calls are left', async () => {
    device.online = false;
    await device.trigger('report');
    await expect(device.ask({ type: 'sign-out', unsent: 'refuse' })).rejects.toMatchObject({
      kind: 'unsent-work',
    });
  });

  test('case B8: after a sign-out that keeps calls nobody adds, changes or wipes any', async () => {
    device.online = false;
    const id = await device.trigger('report');
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    await expect(device.trigger('report')).rejects.toMatchObject({ kind: 'signed-out' });
    for (const type of ['retry-call', 'discard-call'] as const)
      await expect(device.ask({ type, requestId: type, id })).rejects.toMatchObject({
        kind: 'signed-out',
      });
    await expect(device.ask({ type: 'sign-out', unsent: 'discard' })).rejects.toMatchObject({
      kind: 'signed-out',
    });
    expect([
      await device.calls(),
      (await device.inputs()).inputs,
      (await device.status()).pendingCalls,
    ]).toEqual([[], [], 1]);
  });
});

test.each(['sync-event', 'periodic-sync'] as const)(
  'an accepted trigger whose page and worker are gone is followed by the next %s to its end',
  async (event) => {
    const id = await device.trigger('report');
    await device.drain('online');
    const [runId = ''] = runsOf('report');
    const woken = async (): Promise<boolean> => {
      device.stop();
      device.now += 12 * 3_600_000;
      return (await device.worker()).drain.inSlices(event);
    };
    setRun('report', runId, 'running');
    expect(await woken(), 'nothing is left that needs another event').toBe(false);
    expect(await device.state(id)).toMatchObject({ kind: 'following', run: 'running' });
    setRun('report', runId, 'failed');
    expect(await woken()).toBe(false);
    expect(await device.state(id)).toMatchObject({
      kind: 'settled',
      outcome: { kind: 'run', runId, state: 'failed' },
    });
  },
);

describe('a page’s request', () => {
  const refusal = (asking: Promise<unknown>): Promise<unknown> =>
    asking.then(
      () => 'none',
      (error: unknown) => (error instanceof UpdraftError ? error.kind : error),
    );

  test('is refused where the configuration does not name it', async () => {
    const strict = await CallsDevice.signedIn({ triggerDagRun: ['report'] });
    expect(await refusal(strict.trigger('report'))).toBe('none');
    expect(await refusal(strict.trigger('other'))).toBe('not-allowed');
    expect(await refusal(strict.clear('report', 'r', 't'))).toBe('not-allowed');
    expect(await strict.calls()).toHaveLength(1);
  });

  test('is refused for a choice that is no option', async () => {
    asked();
    expect(await refusal(device.respond(await shown(), 'Maybe'))).toBe('bad-choice');
  });

  test('repeated under the same request id is the same call', async () => {
    const request = { operation: 'triggerDagRun', dagId: 'report' } as const;
    const first = await device.call(request, 'q');
    device.stop();
    expect(await device.call(request, 'q')).toBe(first);
    await device.drain();
    expect(runsOf('report')).toHaveLength(1);
  });

  test('retries or discards a dead call; a call on its way cannot be discarded', async () => {
    const id = await device.trigger('report', { poison: true });
    await device.drain();
    expect(await device.letters()).toMatchObject([
      { id, reason: { kind: 'refused', status: 422, message: 'body.conf: poison is not wanted' } },
    ]);
    await device.ask({ type: 'retry-call', requestId: 'r', id });
    expect(device.wakeUps).toHaveLength(1);
    await device.drain();
    expect(await device.letters()).toMatchObject([{ id, attempts: 2 }]);
    await device.ask({ type: 'discard-call', requestId: 'd', id });
    expect([await device.calls(), await device.letters(), device.told(id).at(-1)]).toEqual([
      [],
      [],
      'discarded',
    ]);
    expect(await refusal(device.ask({ type: 'retry-call', requestId: 'r2', id }))).toBe(
      'not-found',
    );
    const followed = await device.trigger('report');
    await device.drain();
    expect(await refusal(device.ask({ type: 'discard-call', requestId: 'd2', id: followed }))).toBe(
      'in-flight',
    );
  });
});

describe('a stored call that this version', () => {
  const spoil = async (change: object): Promise<string> => {
    device.online = false;
    const id = await device.trigger('report');
    await (
      await device.worker()
    ).world.store.write(async (tx) => {
      const call = await tx.calls.get(id);
      if (call) await tx.calls.put({ ...call, ...change });
    });
    device.online = true;
    const after = await device.trigger('report');
    await device.drain();
    expect(await device.state(after), 'its lane goes on').toMatchObject({ kind: 'accepted' });
    return id;
  };
  test('cannot read is a dead letter', async () => {
    const id = await spoil({ request: { operation: 'launchRocket', dagId: '../../x' } });
    expect(await device.state(id)).toMatchObject({ kind: 'dead', reason: { kind: 'unreadable' } });
  });
  test('may no longer send is a dead letter', async () => {
    const narrow = await CallsDevice.signedIn({ triggerDagRun: ['report'] });
    narrow.airflow.addDag('report');
    narrow.online = false;
    const id = await narrow.trigger('report');
    await (
      await narrow.worker()
    ).world.store.write(async (tx) => {
      const call = await tx.calls.get(id);
      if (call)
        await tx.calls.put({ ...call, request: { operation: 'triggerDagRun', dagId: 'other' } });
    });
    narrow.online = true;
    await narrow.drain();
    expect(await narrow.state(id)).toMatchObject({ kind: 'dead', reason: { kind: 'not-allowed' } });
  });
});

test('settled calls are shown for a week, dead calls until a person decides', async () => {
  const [settled, dead] = [
    await device.clear('report', 'r', 't'),
    await device.trigger('report', { poison: true }),
  ];
  await device.drain();
  device.now += 8 * 24 * 3_600_000;
  device.stop();
  expect((await device.calls()).map(({ id }) => id)).toEqual([dead]);
  expect(settled).not.toBe(dead);
});
