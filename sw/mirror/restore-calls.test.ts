import { beforeEach, describe, expect, test } from 'vitest';
import { MIRROR_CHARS_MAX } from './mirror.ts';
import { CallsDevice } from '../calls/calls-device.ts';

const INPUT = 'report/run-1/approve/-1';
let device: CallsDevice;
beforeEach(async () => {
  device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  device.airflow.inputs.set(INPUT, {
    id: 'ti-1',
    tryNumber: 1,
    createdAt: '2026-01-01T00:00:00Z',
    options: ['Approve', 'Reject'],
  });
  await device.drain('visible');
  device.online = false;
});

/** Loses the database after the mirror has caught up; the mirror lacks the effects of `after`. */
async function lose(after: () => Promise<void> = async () => undefined): Promise<void> {
  await (await device.worker()).mirror.flush();
  const mirrors = [...device.mirrors];
  await after();
  await (await device.worker()).mirror.close();
  device.loseDatabase();
  device.mirrors = mirrors;
}
async function backOnline(): Promise<void> {
  device.online = true;
  await device.signIn();
  for (let round = 0; round < 4; round++) await device.later(600_000);
}
const sentOnline = async (): Promise<void> => {
  device.online = true;
  await device.drain('online');
  device.online = false;
};
async function answer(): Promise<string> {
  const [input] = (await device.inputs()).inputs;
  if (!input) throw new Error('the device has seen no request');
  return device.respond(input, 'Approve');
}
const runs = (): number | undefined => device.airflow.dags.get('report')?.runs.size;
const lost = async (): Promise<unknown> => (await device.status()).storageLost;

describe('fault 9: calls of a lost database', () => {
  test('that were never sent are restored under their ids, and are sent once', async () => {
    const [trigger, respond] = [await device.trigger('report', { day: 1 }), await answer()];
    await lose();
    expect((await device.calls()).map(({ id, state }) => [id, state.kind])).toEqual([
      [trigger, 'queued'],
      [respond, 'queued'],
    ]);
    expect(await lost()).toMatchObject({ calls: 0 });
    await backOnline();
    expect(runs()).toBe(1);
    expect(device.airflow.inputs.get(INPUT)).toMatchObject({ chosen: ['Approve'] });
    expect(await device.letters()).toEqual([]);
  });

  test('that were sent after the mirror meet their own run: nothing is done twice', async () => {
    const [trigger, respond] = [await device.trigger('report', { day: 1 }), await answer()];
    await lose(sentOnline);
    await backOnline();
    expect(runs()).toBe(1);
    expect(device.airflow.log.filter((line) => line.startsWith('PATCH'))).toHaveLength(1);
    expect([(await device.state(trigger))?.kind, (await device.state(respond))?.kind]).toEqual([
      'following',
      'settled',
    ]);
  });

  const since: readonly (readonly [
    when: string,
    after: () => Promise<void>,
    cleared: readonly string[],
  ])[] = [
    ['was sent since', sentOnline, ['load']],
    ['was never sent', async () => undefined, []],
  ];
  test.each(since)(
    'a call that may be sent once, and %s, waits for a person',
    async (_when, after, cleared) => {
      const id = await device.clear('report', 'run-1', 'load');
      await lose(after);
      await backOnline();
      expect(device.airflow.cleared).toEqual(cleared);
      expect(await device.letters()).toMatchObject([
        { id, reason: { kind: 'outcome-unknown' }, request: { taskIds: ['load'] } },
      ]);
      expect(await lost()).toMatchObject({ calls: 0 });
    },
  );

  test('that were dead are still dead letters, and can be tried again', async () => {
    device.online = true;
    const id = await device.trigger('missing');
    const refused = await device.trigger('report', { poison: true });
    await device.drain();
    await lose();
    await device.signIn();
    expect(await device.letters()).toMatchObject([
      { id: refused, reason: { kind: 'refused' }, attempts: 1 },
    ]);
    expect(await device.state(id)).toMatchObject({ kind: 'held' });
    await device.ask({ type: 'retry-call', requestId: 'r', id: refused });
    await device.drain();
    expect(await device.letters()).toMatchObject([{ id: refused, attempts: 2 }]);
  });

  test('a request that the page repeats after the loss is not queued again', async () => {
    const request = { operation: 'triggerDagRun', dagId: 'report' } as const;
    const id = await device.call(request, 'q');
    await lose();
    expect(await device.call(request, 'q')).toBe(id);
    expect(await device.calls()).toHaveLength(1);
  });
});

describe('fault 9: calls of a lost database, of which the mirror knows too little,', () => {
  test('that are more than the mirror holds are counted as gone', async () => {
    const note = 'x'.repeat(60_000);
    const count = Math.ceil(MIRROR_CHARS_MAX / note.length) + 3;
    for (let n = 0; n < count; n++) await device.trigger('report', { n, note });
    await lose();
    const kept = (await device.calls()).length;
    expect(kept).toBeGreaterThan(20);
    expect(await lost()).toMatchObject({ calls: count - kept });
    expect(count - kept).toBeGreaterThan(0);
  });

  test('in a mirror of an earlier version are counted', async () => {
    await device.trigger('report');
    await lose();
    device.mirrors = device.mirrors.map(
      ({ queued: _, ...earlier }) => earlier as (typeof device.mirrors)[number],
    );
    expect(await device.calls()).toEqual([]);
    expect(await lost()).toMatchObject({ calls: 1 });
  });

  test('with invalid rows in the mirror: valid calls are restored', async () => {
    const id = await device.trigger('report');
    await lose();
    device.mirrors = device.mirrors.map((mirror) => ({
      ...mirror,
      queued: [...mirror.queued, { id: 7 } as never],
    }));
    expect((await device.calls()).map((call) => call.id)).toEqual([id]);
  });
});

test('fault 9: a database that falls back repeats no discarded and no once-only call', async () => {
  const [once, given] = [
    await device.clear('report', 'run-1', 'load'),
    await device.trigger('report'),
  ];
  const { world } = await device.worker();
  const earlier = await world.store.read(async (tx) => ({
    replica: await tx.replica(),
    calls: await tx.calls.all(),
  }));
  await device.ask({ type: 'discard-call', requestId: 'd', id: given });
  await sentOnline();
  const later = await device.trigger('report', { later: true });
  await lose();
  await (await device.worker()).mirror.close();
  const mirrors = [...device.mirrors];
  await (
    await device.worker()
  ).world.store.write(async (tx) => {
    await tx.empty();
    for (const { id } of await tx.calls.all()) await tx.calls.delete(id);
    for (const call of earlier.calls) await tx.calls.put(call);
    await tx.putReplica({ ...earlier.replica, logId: (mirrors.at(-1) ?? never()).replica.logId });
  });
  device.stop();
  device.mirrors = mirrors;
  await backOnline();
  expect(device.airflow.cleared).toEqual(['load']);
  expect((await device.calls()).map(({ id }) => id)).not.toContain(given);
  expect((await device.calls()).map(({ id }) => id)).not.toContain(once);
  expect(await device.state(later)).toMatchObject({ kind: 'following' });
});

function never(): never {
  throw new Error('there is no mirror');
}
