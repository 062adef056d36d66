import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { CallRequestSchema } from './calls.ts';

const INPUT = {
  dagId: 'report',
  runId: 'manual__1',
  taskId: 'group.approve',
  mapIndex: -1,
  taskInstanceId: 'ti',
  tryNumber: 1,
  createdAt: '2026',
  options: ['Approve'],
};
const isValid = (request: unknown): boolean => v.is(CallRequestSchema, request);

describe('a page’s request is read', () => {
  test.each([
    { operation: 'triggerDagRun', dagId: 'report' },
    {
      operation: 'triggerDagRun',
      dagId: 'täglicher-bericht.2',
      conf: { deep: [{ er: null }] },
      note: 'from the field',
    },
    {
      operation: 'respondToHumanInput',
      input: INPUT,
      chosen: ['Approve'],
      params: { remark: 'ok' },
    },
    {
      operation: 'respondToHumanInput',
      input: { ...INPUT, runId: 'retry~of~2026' },
      chosen: ['Approve'],
    },
    {
      operation: 'respondToHumanInput',
      input: { ...INPUT, runId: 'r'.repeat(250) },
      chosen: ['Approve'],
    },
    {
      operation: 'clearTaskInstances',
      dagId: 'report',
      runId: 'scheduled__2026-01-01T00:00:00+00:00',
      taskIds: ['load'],
    },
  ])('%j', (request) => expect(isValid(request)).toBe(true));
});

describe('a name that is another path, or too long for Airflow, is refused', () => {
  test.each(['..', '.', '~', '', 'a/b', 'a?b', 'a#b', 'a%2e', 'a b', 'x'.repeat(251)])(
    'the DAG “%s”',
    (dagId) => {
      expect(isValid({ operation: 'triggerDagRun', dagId })).toBe(false);
      expect(
        isValid({
          operation: 'clearTaskInstances',
          dagId: 'report',
          runId: dagId,
          taskIds: ['load'],
        }),
      ).toBe(false);
      expect(
        isValid({
          operation: 'respondToHumanInput',
          input: { ...INPUT, taskId: dagId },
          chosen: ['Approve'],
        }),
      ).toBe(false);
    },
  );
  test.each([
    ['an operation that there is not', { operation: 'deleteDag', dagId: 'report' }],
    ['a URL', { operation: 'triggerDagRun', dagId: 'https://elsewhere' }],
    [
      'conf that is no JSON',
      { operation: 'triggerDagRun', dagId: 'report', conf: { when: new Date() } },
    ],
    [
      'conf that is too large',
      { operation: 'triggerDagRun', dagId: 'report', conf: { text: 'x'.repeat(70_000) } },
    ],
    [
      'conf with half a character',
      { operation: 'triggerDagRun', dagId: 'report', conf: { text: '\ud800' } },
    ],
    ['conf that is a list', { operation: 'triggerDagRun', dagId: 'report', conf: [] }],
    [
      'a note that is too long',
      { operation: 'triggerDagRun', dagId: 'report', note: 'x'.repeat(1_001) },
    ],
    ['no task', { operation: 'clearTaskInstances', dagId: 'report', runId: 'r', taskIds: [] }],
    ['no choice', { operation: 'respondToHumanInput', input: INPUT, chosen: [] }],
    [
      'half a task',
      { operation: 'respondToHumanInput', input: { ...INPUT, mapIndex: 0.5 }, chosen: ['Approve'] },
    ],
  ])('%s', (_, request) => expect(isValid(request)).toBe(false));
});
