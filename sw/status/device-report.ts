import { defined } from '../../shared/defined.ts';
import type { DeviceReport } from '../../shared/exchange.ts';
import type { DeviceState } from './status.ts';

const APP_LENGTH_MAX = 64;

/**
 * Returns the labels that a device sends with an exchange, for Airflow's operators. Labels decide
 * nothing. `now`: ms since 1970.
 */
export function deviceReport(
  { unsent, oldestAt, waiting, wake, keptOut }: DeviceState,
  now: number,
  appVersion: string | undefined,
): DeviceReport {
  return {
    unsent,
    failures: waiting?.failures ?? 0,
    // Not negative after a clock was set back.
    ...(oldestAt === undefined
      ? {}
      : { oldestSeconds: Math.max(0, Math.round((now - oldestAt) / 1_000)) }),
    ...defined({ wake: wake?.by, keptOut }),
    ...(appVersion ? { app: appVersion.slice(0, APP_LENGTH_MAX) } : {}),
  };
}
