import { describe, expect, test, vi } from 'vitest';
import type { CallEntry } from '../../shared/calls.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { HttpReply } from '../transport/http.ts';
import { CallsDevice } from './calls-device.ts';
import { CallLanes } from './lanes.ts';

const eventually = async (what: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; !(await what()); tries++) {
    if (tries > 500) throw new Error('it did not come to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const kinds = (calls: readonly CallEntry[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { state } of calls) counts[state.kind] = (counts[state.kind] ?? 0) + 1;
  return counts;
};
const runs = (device: CallsDevice, dagId: string): unknown[] =>
  [...(device.airflow.dags.get(dagId)?.runs.values() ?? [])].map(({ conf }) => conf);

test('calls of a lane keep their order, whatever fails on the way', async () => {
  const device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  device.online = false;
  for (let n = 0; n < 10; n++) await device.trigger('report', { n });
  for (const fault of ['request-lost', 'answer-lost', 'portal', 'broken'] as const)
    device.airflow.faults.push({ on: 'POST', fault });
  device.online = true;
  for (let round = 0; round < 6; round++) await device.later();
  expect(runs(device, 'report')).toEqual(Array.from({ length: 10 }, (_, n) => ({ n })));
});

describe('a lane that is stuck', () => {
  test('delays no other lane, due or later, and no batch', async () => {
    const device = await CallsDevice.signedIn();
    for (const dag of ['stuck', 'a', 'b', 'c', 'late']) device.airflow.addDag(dag);
    let answer: (reply: HttpReply) => void = () => undefined;
    device.airflow.faults.push({
      on: '/stuck/',
      fault: new Promise((resolve) => (answer = resolve)),
    });
    device.online = false;
    const stuck = await device.trigger('stuck');
    for (const dag of ['a', 'b', 'c']) await device.trigger(dag);
    device.online = true;
    const draining = device.drain('online');
    const isIn = async (dag: string): Promise<boolean> => runs(device, dag).length === 1;
    await eventually(async () => (await isIn('a')) && (await isIn('b')) && (await isIn('c')));
    await device.trigger('late');
    const drainingLate = device.drain('capture');
    await eventually(() => isIn('late'));
    expect(await device.state(stuck)).toMatchObject({ kind: 'sending' });
    answer({ kind: 'failed', why: 'timeout' });
    await Promise.all([draining, drainingLate]);
    expect(await device.state(stuck)).toMatchObject({ kind: 'waiting' });
    await device.later();
    expect(runs(device, 'stuck')).toHaveLength(1);
  });

  test('because the server fails on its call stops no other lane either', async () => {
    const device = await CallsDevice.signedIn();
    for (const dag of ['broken', 'fine']) device.airflow.addDag(dag);
    device.airflow.faults.push({
      on: '/broken/',
      fault: { kind: 'http', status: 500, json: undefined },
    });
    device.online = false;
    await device.trigger('broken');
    for (let n = 0; n < 5; n++) await device.trigger('fine', { n });
    device.online = true;
    await device.drain('online');
    expect(kinds(await device.calls())).toEqual({ waiting: 1, accepted: 5 });
  });
});

test('a server in trouble gets a single probe for all lanes, which then go on', async () => {
  const device = await CallsDevice.signedIn();
  for (let dag = 0; dag < 8; dag++) device.airflow.addDag(`dag${dag}`);
  device.online = false;
  for (let dag = 0; dag < 8; dag++) await device.trigger(`dag${dag}`);
  device.online = true;
  for (let n = 0; n < 8; n++)
    device.airflow.faults.push({
      on: 'POST',
      fault: { kind: 'http', status: 503, json: undefined },
    });
  await device.drain('timer');
  // At most the requests that were under way when the first answer came.
  expect(device.airflow.log.filter((line) => line.startsWith('POST')).length).toBeLessThanOrEqual(
    3,
  );
  device.airflow.faults.splice(0);
  await device.later();
  await device.later();
  expect(kinds(await device.calls())['waiting'] ?? 0).toBe(0);
});

test('fault 8, 25: no probe waits for a probe that a storage failure kept back', async () => {
  const device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  device.online = false;
  const id = await device.trigger('report');
  device.online = true;
  const { world, desk, circuit } = await device.worker();
  // Without batches, whose drain would take the probe for a moment.
  const lanes = new CallLanes({ world, desk, circuit }, async () => undefined);
  circuit.begin();
  await circuit.report({ kind: 'struggles' });
  device.now = circuit.dueAt() ?? 0;
  vi.spyOn(world.store, 'write').mockRejectedValueOnce(
    new UpdraftError('storage', 'the connection is closed'),
  );
  await expect(lanes.drain('timer')).rejects.toThrow('the connection is closed');
  expect([runs(device, 'report').length, await device.state(id)]).toEqual([0, { kind: 'queued' }]);
  await lanes.drain('timer');
  expect([runs(device, 'report').length, circuit.state]).toEqual([1, { kind: 'closed' }]);
});

test('an unavailable list of inputs is not requested in a loop, and delays nothing', async () => {
  const device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  const before = device.airflow.log.length;
  for (let n = 0; n < 50; n++) device.airflow.faults.push({ on: 'hitlDetails', fault: 'portal' });
  const id = await device.trigger('report');
  await device.drain('person');
  await device.later(1_000);
  await device.later(1_000);
  expect(await device.state(id)).toMatchObject({ kind: 'following' });
  expect(
    device.airflow.log.slice(before).filter((line) => line.includes('hitlDetails')),
  ).toHaveLength(1);
});
