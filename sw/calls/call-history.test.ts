import { beforeEach, expect, test } from 'vitest';
import type { HistoryEntry } from '../../shared/history.ts';
import { CallsDevice, SIGNED_IN } from './calls-device.ts';

let device: CallsDevice;
beforeEach(async () => {
  device = await CallsDevice.signedIn();
  device.airflow.addDag('report');
});

/** The history entries about a call, oldest first. */
async function log(id: string, on = device): Promise<readonly HistoryEntry[]> {
  const entries = (await on.ask({
    type: 'history',
    filter: { kinds: ['call-moved', 'call-attempt'] },
  })) as readonly HistoryEntry[];
  return entries.toReversed().filter((entry) => 'callId' in entry && entry.callId === id);
}
const inShort = (entry: HistoryEntry): string => {
  if (entry.kind === 'call-moved') return `${entry.from} → ${entry.to}`;
  if (entry.kind !== 'call-attempt') return entry.kind;
  return [`attempt ${entry.attempt}: ${entry.outcome}`, entry.why, entry.status]
    .filter((word) => word !== undefined)
    .join(' ');
};

test('the history holds every attempt of a call with its outcome, among the moves', async () => {
  device.airflow.faults.push(
    { on: 'POST', fault: 'request-lost' },
    { on: 'POST', fault: { kind: 'http', status: 429, json: undefined } },
  );
  const id = await device.trigger('report', { day: 1 });
  await device.drain('capture');
  await device.later();
  await device.later();
  expect((await log(id)).map(inShort)).toEqual([
    'none → queued',
    'queued → sending',
    'attempt 1: retry network',
    'sending → waiting',
    'waiting → sending',
    'attempt 2: retry airflow 429',
    'sending → waiting',
    'waiting → sending',
    'attempt 3: accept 200',
    'sending → accepted',
    'accepted → following',
  ]);
  const attempts = (await log(id)).filter(({ kind }) => kind === 'call-attempt');
  expect(attempts).toMatchObject([
    { wake: 'capture', lane: 'dag:report', durationMs: 0 },
    { wake: 'heartbeat' },
    { wake: 'heartbeat' },
  ]);
});

test('a look that ends the call, and refused credentials, count as attempts', async () => {
  device.airflow.faults.push({
    on: 'POST',
    fault: { kind: 'http', status: 401, json: { detail: 'Not authenticated' } },
  });
  const parked = await device.trigger('report');
  await device.drain();
  expect((await log(parked)).map(inShort)).toContain('attempt 1: sign-in refused 401');
  await device.signIn();
  const input = {
    dagId: 'report',
    runId: 'r',
    taskId: 't',
    mapIndex: -1,
    taskInstanceId: 'ti',
    tryNumber: 1,
    createdAt: 'then',
    options: ['Yes'],
  };
  const gone = await device.call({ operation: 'respondToHumanInput', input, chosen: ['Yes'] });
  await device.drain();
  expect((await log(gone)).map(inShort)).toEqual([
    'none → queued',
    'attempt 0: die conflict 404',
    'queued → dead',
  ]);
});

test('without credentials of this user nothing is sent, and the history says so', async () => {
  const other = await CallsDevice.signedIn(
    { triggerDagRun: true },
    { ...SIGNED_IN, authorize: async () => ({ kind: 'sign-in', reason: 'other-user' }) },
  );
  const id = await other.trigger('report');
  await other.drain();
  expect((await log(id, other)).map(inShort)).toEqual([
    'none → queued',
    'attempt 0: sign-in other-user',
    'queued → parked',
  ]);
});

test('the history never holds a call’s request', async () => {
  const id = await device.trigger('report', { secret: 'only for Airflow', poison: true });
  await device.drain();
  expect((await log(id)).map(inShort)).toContain('attempt 1: die refused 422');
  expect(JSON.stringify(await log(id))).not.toMatch(/only for Airflow|poison/);
});
