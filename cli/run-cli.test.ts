import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';
import type { Plant } from './testing/plant.ts';
import { PASSWORD, TOKEN } from './testing/small-airflow.ts';
import { SmallSite } from './testing/small-site.ts';

const opened: SmallSite[] = [];
afterEach(() => opened.splice(0).forEach((site) => site.close()));

interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as a person would: in a shell with these variables. */
async function run(
  args: readonly string[],
  environment: Record<string, string> = {},
): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  const status = await runCli(args, {
    write: (text) => void out.push(text),
    complain: (text) => void err.push(text),
    environment,
  });
  return { status, out: out.join('\n'), err: err.join('\n') };
}

async function doctor(plant: Plant, ...args: string[]): Promise<Run> {
  const site = await SmallSite.start(plant);
  opened.push(site);
  return run(['doctor', `${site.url}/`, ...args], { UPDRAFT_PASSWORD: PASSWORD });
}

const OLD: Plant = { airflow: { newest: 1 } };
const WITHOUT_PAGE: Plant = { files: { '/': { body: '', status: 404 } } };

describe('the exit status', () => {
  test.each<[string, Plant, string[], number]>([
    ['0 where all is well', {}, ['--user', 'ana'], 0],
    ['0 with a warning', OLD, ['--user', 'ana'], 0],
    ['1 with a warning and --strict', OLD, ['--user', 'ana', '--strict'], 1],
    ['1 where a check failed', WITHOUT_PAGE, [], 1],
  ])('is %s', async (_, plant, args, status) => {
    const { out, ...ended } = await doctor(plant, ...args);
    expect(ended, out).toEqual({ status, err: '' });
  });

  test.each<[string[], string]>([
    [['doctor'], 'name the URL of the app.'],
    [['doctor', 'field.example'], '"field.example" is no URL.'],
    [['doctor', 'ftp://field.example'], '"ftp://field.example" is no URL.'],
    [['doctor', 'https://a.example', 'https://b.example'], 'there is one URL only'],
    [['doctor', 'https://a.example', '--users', 'ana'], "Unknown option '--users'"],
    [['docter'], 'there is no command "docter". Did you mean "doctor"?'],
  ])('is 2 for %j, with the reason and the usage', async (args, words) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(words);
    expect(err).toContain('doctor <url of the app>');
  });

  test('is 0 for help that was asked for, and 2 without any command', async () => {
    expect((await run(['--help'])).status).toBe(0);
    expect((await run(['doctor', '--help'])).out).toContain('--collections PATH');
    expect((await run([])).status).toBe(2);
  });
});

test('a person reads a line a finding, and how to mend what is not well', async () => {
  const { out } = await doctor({ airflow: { version: '3.0.6' } });
  expect(out).toContain(
    'FAILED   airflow           Airflow 3.0.6 is older than 3.1.8\n' +
      '                           why: nothing that is captured leaves the device\n' +
      "                           mend: pip install --upgrade 'apache-airflow>=3.1.8'\n" +
      'skipped  clock             needs airflow\n',
  );
  expect(out).toMatch(/\n\n1 failed, 0 warnings, 6 well, \d+ skipped\.$/);
  const prose = out.split('\n').filter((line) => !/mend: |^ {33}/.test(line));
  expect(prose.filter((line) => line.length > 100)).toEqual([]);
});

test('a script reads JSON in the form of airflow updraft check', async () => {
  const { out } = await doctor(OLD, '--user', 'ana', '--json');
  const report = JSON.parse(out) as { findings: object[] };
  expect(report).toMatchObject({ version: 1, state: 'warning', counts: { failed: 0, warning: 1 } });
  expect(report.findings[0]).toEqual({
    name: 'page',
    state: 'ok',
    what: expect.stringContaining('is a page'),
    why: '',
    mend: '',
  });
});

test('a token signs in without a password, and is never printed', async () => {
  const site = await SmallSite.start();
  opened.push(site);
  const { status, out } = await run(['doctor', site.url], { UPDRAFT_TOKEN: TOKEN });
  expect(status, out).toBe(0);
  expect(out).toContain('ana is let in');
  expect(out).not.toContain(TOKEN);
});

test('collections.json may be a file: that of an app’s own worker', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'updraft-doctor-'));
  const file = join(folder, 'collections.json');
  writeFileSync(file, '{"version":1,"collections":{"two words":{"schema":{}}}}');
  const { status, out } = await doctor({}, '--collections', file);
  expect({ status, out }).toMatchObject({ status: 1, out: expect.stringContaining('two words') });
  expect((await doctor({}, '--collections', 'not/there.json')).out).toContain(
    'cannot be read: ENOENT',
  );
  rmSync(folder, { recursive: true });
});
