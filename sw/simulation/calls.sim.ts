import { describe, expect, test } from 'vitest';
import { CallsDevice } from '../calls/calls-device.ts';

const INPUT = 'report/run-1/approve/-1';
const runs = (device: CallsDevice, dagId: string): unknown[] =>
  [...(device.airflow.dags.get(dagId)?.runs.values() ?? [])].map(({ conf }) => conf);

test('one poisoned call among 1,000 in ten lanes is a dead letter; all others arrive', async () => {
  const device = await CallsDevice.signedIn();
  device.doesMirrorRest = true;
  for (let dag = 0; dag < 10; dag++) device.airflow.addDag(`dag${dag}`);
  device.online = false;
  for (let n = 0; n < 1_000; n++)
    await device.trigger(`dag${n % 10}`, n === 503 ? { poison: true } : { n });
  device.online = true;
  await device.drain('online');
  const kinds = (await device.calls()).map(({ state }) => state.kind);
  expect(
    kinds.map((kind, n) => (kind === (n === 503 ? 'dead' : 'accepted') ? [] : [n])).flat(),
  ).toEqual([]);
  expect(await device.letters()).toMatchObject([
    {
      lane: 'dag:dag3',
      attempts: 1,
      reason: { kind: 'refused', message: 'body.conf: poison is not wanted' },
    },
  ]);
  expect(runs(device, 'dag3')).toHaveLength(99);
  expect(device.wakeUps).toEqual([]);
  expect(await device.status()).toMatchObject({
    deadLetters: 1,
    pendingCalls: 0,
    followedCalls: 999,
  });
});

/** Steps of the worker at which a kill can happen, before the step is done and after. */
describe.each([true, false])('killed %s a step', (before) => {
  test('at any step: every call ends, none is done or sent once too often', async () => {
    for (let steps = 1; steps <= 70; steps++) {
      const device = await CallsDevice.signedIn();
      device.airflow.addDag('report');
      device.airflow.inputs.set(INPUT, {
        id: 'ti-1',
        tryNumber: 1,
        createdAt: '2026-01-01T00:00:00Z',
        options: ['Approve'],
      });
      await device.drain('visible');
      device.online = false;
      const [input] = (await device.inputs()).inputs;
      await device.killIn(steps, before);
      await device.trigger('report', { n: 1 });
      await device.trigger('report', { n: 2 });
      if (input) await device.respond(input, 'Approve');
      await device.clear('report', 'run-1', 'load');
      device.online = true;
      for (let round = 0; round < 8; round++) {
        await device.later();
        for (const run of device.airflow.dags.get('report')?.runs.values() ?? [])
          run.state = 'success';
      }
      expect(runs(device, 'report'), `after ${steps} steps`).toEqual([{ n: 1 }, { n: 2 }]);
      expect(device.airflow.inputs.get(INPUT)?.chosen).toEqual(['Approve']);
      expect(device.airflow.log.filter((line) => line.startsWith('PATCH'))).toHaveLength(1);
      const states = (await device.calls()).map(({ operation, state }) =>
        `${operation} ${state.kind} ${state.kind === 'dead' ? state.reason.kind : ''}`.trim(),
      );
      const cleared = device.airflow.cleared.length;
      expect(cleared).toBeLessThanOrEqual(1);
      expect(states.slice(0, 3)).toEqual([
        'triggerDagRun settled',
        'triggerDagRun settled',
        'respondToHumanInput settled',
      ]);
      expect(['clearTaskInstances settled', 'clearTaskInstances dead outcome-unknown']).toContain(
        states[3],
      );
      if (states[3] === 'clearTaskInstances settled') expect(cleared).toBe(1);
      expect(device.wakeUps).toEqual([]);
    }
  });
});

test('fault 9: the database lost at any step, its mirror of any age: no call twice', async () => {
  for (let steps = 1; steps <= 60; steps += 3) {
    for (const behind of [0, 1, 4]) {
      const device = await CallsDevice.signedIn();
      device.airflow.addDag('report');
      device.airflow.inputs.set(INPUT, {
        id: 'ti-1',
        tryNumber: 1,
        createdAt: '2026-01-01T00:00:00Z',
        options: ['Approve'],
      });
      await device.drain('visible');
      device.online = false;
      const [input] = (await device.inputs()).inputs;
      await device.trigger('report', { n: 1 });
      await device.trigger('report', { n: 2 });
      if (input) await device.respond(input, 'Approve');
      await device.clear('report', 'run-1', 'load');
      await (await device.worker()).mirror.flush();
      const captured = device.mirrors.length;
      await device.killIn(steps, steps % 2 === 0);
      device.online = true;
      await device.drain('online');
      // Never older than the captures: a capture that no mirror has seen is counted nowhere.
      device.loseDatabase(Math.min(behind, device.mirrors.length - captured));
      await device.signIn();
      for (let round = 0; round < 6; round++) await device.later(600_000);
      const when = `after ${steps} steps, the mirror ${behind} behind`;
      expect(runs(device, 'report'), when).toEqual([{ n: 1 }, { n: 2 }]);
      expect(
        device.airflow.log.filter((line) => line.startsWith('PATCH')),
        when,
      ).toHaveLength(1);
      expect(device.airflow.cleared.length, when).toBeLessThanOrEqual(1);
      const clears = (await device.calls()).filter(
        ({ operation }) => operation === 'clearTaskInstances',
      );
      if (device.airflow.cleared.length === 0)
        expect(clears, when).toMatchObject([
          { state: { kind: 'dead', reason: { kind: 'outcome-unknown' } } },
        ]);
      expect((await device.status()).storageLost, when).toMatchObject({ calls: 0 });
    }
  }
});
