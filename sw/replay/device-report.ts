import type { DeviceReport } from '../../shared/exchange.ts';
import type { Standing } from '../status.ts';

const APP_LENGTH_MAX = 64;

/** What this device says of itself beside an exchange: labels for Airflow's operators, which decide nothing. `now`: ms since 1970. */
export function deviceReport({ unsent, oldestAt, waiting, wake }: Standing, now: number, appVersion: string | undefined): DeviceReport {
  return {
    unsent,
    failures: waiting?.failures ?? 0,
    // A clock set back would make it negative.
    ...(oldestAt === undefined ? {} : { oldestSeconds: Math.max(0, Math.round((now - oldestAt) / 1_000)) }),
    ...(wake?.by === undefined ? {} : { wake: wake.by }),
    ...(appVersion ? { app: appVersion.slice(0, APP_LENGTH_MAX) } : {}),
  };
}
