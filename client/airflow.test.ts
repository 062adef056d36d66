import { expect, test } from 'vitest';
import type { PendingInput } from '../shared/calls.ts';
import { CommandSchema, type Command } from '../shared/messages.ts';
import * as v from 'valibot';
import { airflowCallsLater } from './airflow-later.ts';
import type { WorkerLink } from './worker-link.ts';

const heard: Command[] = [];
const ask = (async (command: Command) => {
  heard.push(command);
  return { id: `call-${heard.length}` };
}) as WorkerLink['ask'];
const airflow = airflowCallsLater({ ask });

const INPUT: PendingInput = {
  dagId: 'report',
  runId: 'run-1',
  taskId: 'approve',
  mapIndex: -1,
  taskInstanceId: 'ti',
  tryNumber: 1,
  createdAt: '2026-01-01T00:00:00Z',
  options: ['Approve', 'Reject'],
  subject: 'Approve?',
  body: null,
  multiple: false,
  defaults: null,
  params: {},
};

test('each call is a request that the worker reads, with a name of its own', async () => {
  expect(
    await airflow.triggerDagRun('report', { conf: { day: 1 }, note: 'from the field' }),
  ).toEqual({ id: 'call-1' });
  await airflow.triggerDagRun('report');
  await airflow.respond(INPUT, { chosen: ['Approve'], params: { remark: 'ok' } });
  await airflow.clearTaskInstances('report', 'run-1', ['load']);
  await airflow.retry('call-1');
  await airflow.discard('call-1');
  expect(heard.map((command) => v.is(CommandSchema, command))).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
  ]);
  expect(heard.slice(0, 3)).toMatchObject([
    {
      type: 'call',
      request: {
        operation: 'triggerDagRun',
        dagId: 'report',
        conf: { day: 1 },
        note: 'from the field',
      },
    },
    { type: 'call', request: { operation: 'triggerDagRun', dagId: 'report' } },
    {
      type: 'call',
      request: {
        operation: 'respondToHumanInput',
        input: { taskInstanceId: 'ti', options: ['Approve', 'Reject'] },
        chosen: ['Approve'],
      },
    },
  ]);
  expect(
    new Set(heard.map((command) => ('requestId' in command ? command.requestId : ''))),
  ).toHaveLength(6);
});

test('is no promise: awaiting the calls returns the calls', async () => {
  expect(await Promise.resolve(airflow)).toBe(airflow);
});

test('a refusal of the worker reaches the caller', async () => {
  const refusing = airflowCallsLater({ ask: () => Promise.reject(new TypeError('no worker')) });
  await expect(refusing.calls()).rejects.toThrow('no worker');
});
