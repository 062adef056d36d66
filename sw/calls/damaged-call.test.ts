import { beforeEach, describe, expect, test } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { Command } from '../../shared/messages.ts';
import { rowsOf } from '../simulation/raw-rows.ts';
import { plantRows } from '../testing/plant-rows.ts';
import { CallsDevice } from './calls-device.ts';

let device: CallsDevice;
beforeEach(async () => {
  device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
  device.online = false;
});

/** Overwrites a part of the call's row, and lets a page meet the row. */
async function damage(id: string, part: object, without: readonly string[] = []): Promise<void> {
  const row = (await rowsOf(device.indexedDB, 'ana', 'calls')).find(
    (one) => 'id' in one && one.id === id,
  );
  const damaged = Object.fromEntries(
    Object.entries({ ...row, ...part }).filter(([key]) => !without.includes(key)),
  );
  await plantRows(device.indexedDB, 'ana', 'calls', [damaged]);
  await device.calls();
}
const refusal = (command: Command): Promise<string> =>
  device.ask(command).then(
    () => 'none',
    (error: unknown) => (error instanceof UpdraftError ? error.kind : String(error)),
  );
const retry = (id: string): Promise<string> =>
  refusal({ type: 'retry-call', requestId: `retry ${id}`, id });
const runs = (): number | undefined => device.airflow.dags.get('report')?.runs.size;

describe('fault 75: a damaged row with a queued call in it', () => {
  test('the call is a dead letter, unsent, told, exported, and goes when retried', async () => {
    const id = await device.trigger('report', { day: 1 });
    await damage(id, { capturedAt: 'then' });
    expect(await device.calls()).toEqual([]);
    expect(await device.status()).toMatchObject({ unsent: 1, pendingCalls: 0, deadLetters: 1 });
    expect(await device.letters()).toMatchObject([
      {
        kind: 'call',
        id,
        operation: 'triggerDagRun',
        request: { dagId: 'report', conf: { day: 1 } },
        reason: { kind: 'damaged' },
        quarantined: 1,
      },
    ]);
    expect(await device.ask({ type: 'export-dead-letters' })).toContain('"day": 1');
    expect(await refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    await device.drain();
    expect(device.events.filter(({ type }) => type === 'dead-letter')).toMatchObject([
      { deadLetter: { id, reason: { kind: 'damaged' } } },
    ]);
    device.online = true;
    expect(await retry(id)).toBe('none');
    await device.drain();
    expect(runs()).toBe(1);
    expect(await device.state(id)).toMatchObject({ kind: 'accepted' });
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
    expect(await refusal({ type: 'retry-call', requestId: 'again', id })).toBe('not-found');
  });

  test('a call that went out before the damage meets its own run', async () => {
    device.online = true;
    const id = await device.trigger('report');
    await device.drain();
    await damage(id, { state: { kind: 'queued' }, turn: ['lane', 1], lane: 7 }, ['followed']);
    expect(await retry(id)).toBe('none');
    await device.drain();
    expect(runs()).toBe(1);
  });

  test('a request that is not whole is shown, not sent, and can be discarded', async () => {
    const id = await device.trigger('report');
    await damage(id, {
      request: { operation: 'triggerDagRun', dagId: 7, conf: { day: 1 } },
      seq: -1,
    });
    expect(await device.letters()).toMatchObject([{ id, request: { conf: { day: 1 } } }]);
    expect(await retry(id)).toBe('storage');
    expect(await device.status()).toMatchObject({ unsent: 1 });
    await device.ask({ type: 'discard-call', requestId: 'd', id });
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
  });

  test.each([
    ['its keys are gone', {}, ['turn']],
    ['its state is no state', { state: 'queued' }, ['turn']],
    ['its request is gone', {}, ['request']],
  ])('it counts as unsent, and a sign-out refuses, where %s', async (_what, part, without) => {
    const id = await device.trigger('report');
    const row = (await rowsOf(device.indexedDB, 'ana', 'calls')).find(
      (one) => 'id' in one && one.id === id,
    );
    const kept = Object.entries({ ...row, ...part }).filter(([key]) => !without.includes(key));
    await device.ask({ type: 'discard-call', requestId: 'd', id });
    await plantRows(device.indexedDB, 'ana', 'calls', [Object.fromEntries(kept)]);
    expect(await refusal({ type: 'sign-out', unsent: 'refuse' })).toBe('unsent-work');
    expect(await device.status()).toMatchObject({ unsent: 1 });
    await device.ask({ type: 'sign-out', unsent: 'keep' });
    await device.signIn();
    device.online = true;
    await device.drain();
    expect(await device.status()).toMatchObject({ unsent: 1 });
  });

  test('a call that Airflow has counts no longer', async () => {
    device.online = true;
    const id = await device.trigger('report');
    await device.drain();
    await damage(id, { capturedAt: 'then' });
    expect(await device.status()).toMatchObject({ unsent: 0, deadLetters: 0, quarantined: 1 });
  });

  test('fault 74: it survives a lost database, and is sent once when retried', async () => {
    const id = await device.trigger('report', { day: 1 });
    await damage(id, { capturedAt: 'then' });
    await device.trigger('report', { day: 2 });
    await (await device.worker()).mirror.flush();
    device.loseDatabase();
    expect(await device.letters()).toMatchObject([{ id, request: { conf: { day: 1 } } }]);
    expect(await device.status()).toMatchObject({ unsent: 1, storageLost: { restored: 1 } });
    device.online = true;
    expect(await retry(id)).toBe('none');
    await device.drain();
    expect(runs()).toBe(2);
  });
});
