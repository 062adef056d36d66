import { parseArgs } from 'node:util';
import { UsageError, type Output } from '../usage.ts';
import { toReport, toText } from './report.ts';
import { runChecks } from './run-checks.ts';
import { Site, type SiteOptions } from './site.ts';
import { CHECKS } from './table.ts';

export const DOCTOR_USAGE = `airflow-updraft doctor <url of the app> [options]

Asks, as a device would, whether app, worker and Airflow fit together. Changes nothing.

  --user NAME          also signs in, with the password in UPDRAFT_PASSWORD
                       (or with the token in UPDRAFT_TOKEN, of any user)
  --worker PATH        the worker's script, where the page does not name it
  --scope PATH         the scope it is registered with, where that is not its folder
  --airflow PATH|URL   Airflow, where that is not /airflow or what the worker names
  --collections PATH   collections.json: a path of the app (/…), a URL, or a file
  --browser PATH       a Chromium, to install the worker in
  --json               prints JSON, in the form of "airflow updraft check --json"
  --strict             exit status 1 also where there are warnings

Exit status: 0 well, 1 a check failed, 2 called wrongly.`;

const OPTIONS = {
  user: { type: 'string' },
  worker: { type: 'string' },
  scope: { type: 'string' },
  airflow: { type: 'string' },
  collections: { type: 'string' },
  browser: { type: 'string' },
  json: { type: 'boolean', default: false },
  strict: { type: 'boolean', default: false },
} as const;

/** Runs every check, prints the findings, returns the exit status. */
export async function doctor(
  args: readonly string[],
  { write, environment }: Output,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: OPTIONS,
    allowPositionals: true,
  });
  const [app, ...more] = positionals;
  if (app === undefined) throw new UsageError('name the URL of the app.');
  if (more.length > 0) throw new UsageError(`there is one URL only, not also "${more.join(' ')}".`);
  const { json, strict, ...named } = values;
  const options: SiteOptions = {
    app: urlOf(app),
    ...named,
    ...(environment['UPDRAFT_PASSWORD'] ? { password: environment['UPDRAFT_PASSWORD'] } : {}),
    ...(environment['UPDRAFT_TOKEN'] ? { token: environment['UPDRAFT_TOKEN'] } : {}),
  };
  const report = toReport(await runChecks(new Site(options), CHECKS));
  write(json ? JSON.stringify(report, undefined, 2) : toText(report));
  return report.state === 'failed' || (strict && report.state === 'warning') ? 1 : 0;
}

function urlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`"${text}" is no URL. Write it out: https://field.example/app/`);
  return url.href;
}
