import * as v from 'valibot';
import { expect, test } from 'vitest';
import { DeviceReportSchema } from '../../shared/exchange.ts';
import type { Status } from '../../shared/status.ts';
import { deviceReport } from './device-report.ts';
import { IDLE } from '../../shared/test-status.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');

test.each<[string, Partial<Status>, string | undefined, object]>([
  ['nothing to do', {}, undefined, { unsent: 0, failures: 0 }],
  [
    'in trouble',
    {
      unsent: 7,
      oldestAt: NOW - 90_400,
      waiting: { for: 'airflow', failures: 3 },
      wake: { by: 'page', last: 'visible' },
    },
    '1.4.0',
    { unsent: 7, failures: 3, oldestSeconds: 90, wake: 'page', app: '1.4.0' },
  ],
  [
    'fault 33: a clock set back a year',
    { unsent: 1, oldestAt: NOW + 1e10 },
    undefined,
    { unsent: 1, failures: 0, oldestSeconds: 0 },
  ],
  ['a version of any length', {}, 'v'.repeat(500), { unsent: 0, failures: 0, app: 'v'.repeat(64) }],
])('%s', (_name, status, appVersion, expected) => {
  const report = deviceReport({ ...IDLE, ...status }, NOW, appVersion);
  expect(report).toEqual(expected);
  expect(v.is(DeviceReportSchema, report)).toBe(true);
});
