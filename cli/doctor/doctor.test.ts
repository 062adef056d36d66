import { afterEach, describe, expect, test } from 'vitest';
import { PLANTED_FAULTS, type PlantedFault } from '../testing/planted-faults.ts';
import { COLLECTIONS, type Plant } from '../testing/plant.ts';
import { PASSWORD } from '../testing/small-airflow.ts';
import { SmallSite } from '../testing/small-site.ts';
import type { Finding } from './finding.ts';
import { runChecks, type Check } from './run-checks.ts';
import { Site, type SiteOptions } from './site.ts';
import { CHECKS } from './table.ts';

/** Every check but that in a browser: `e2e/doctor.spec.ts` has a browser. */
const HERE = CHECKS.filter(({ name }) => name !== 'browser');

const opened: SmallSite[] = [];
afterEach(() => opened.splice(0).forEach((site) => site.close()));

/** The findings of a site, asked as ana. */
async function findingsOf(
  plant: Plant,
  more?: PlantedFault['options'],
  checks: readonly Check[] = HERE,
): Promise<Finding[]> {
  const site = await SmallSite.start(plant);
  opened.push(site);
  const options: SiteOptions = {
    app: `${site.url}/`,
    user: 'ana',
    password: PASSWORD,
    ...(plant.twoOrigins ? { airflow: site.airflowUrl } : {}),
    ...(typeof more === 'function' ? more(site.url, site.airflowUrl) : more),
  };
  return runChecks(new Site(options), checks);
}
/** A check, with all that it needs. */
const upTo = (name: string): readonly Check[] =>
  CHECKS.filter((check) => check.name === name || needs(name).includes(check.name));
const needs = (name: string): string[] =>
  (CHECKS.find((check) => check.name === name)?.needs ?? []).flatMap((needed) => [
    needed,
    ...needs(needed),
  ]);
const unwell = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ state }) => state === 'failed' || state === 'warning');

describe('a site that is well', () => {
  test('is green in every check', async () => {
    const findings = await findingsOf({});
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(findings.map(({ name }) => name)).toEqual(HERE.map(({ name }) => name));
  });

  test('with Airflow on another origin is green, and the cookie is not asked for', async () => {
    const findings = await findingsOf({ twoOrigins: true });
    expect(findings.filter(({ state }) => state !== 'ok').map(({ name }) => name)).toEqual([
      'cookie',
      'x-updraft',
    ]);
    expect(unwell(findings)).toEqual([]);
  });

  test('without a user is green, and says how to ask for more', async () => {
    const findings = await findingsOf({}, { user: undefined as never });
    expect(unwell(findings)).toEqual([]);
    expect(findings.find(({ name }) => name === 'sign-in')).toMatchObject({
      state: 'skipped',
      what: expect.stringContaining('--user ana'),
    });
  });

  test('with a worker of its own: Airflow’s path is read from the script', async () => {
    const findings = await findingsOf(
      {
        files: {
          // As docs/in-your-pwa.md has it; only the development server serves the other one.
          '/assets/app.js': { body: 'connect({worker:D?`/dev-sw.js?dev-sw`:`/sw.js`})' },
          '/sw.js': { body: 'startUpdraft({airflow:`/airflow`,collections:c})' },
        },
      },
      { collections: '/collections.json' },
    );
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(findings.find(({ name }) => name === 'worker')?.what).toContain(
      '/sw.js, as the page names it',
    );
  });

  test('with a scope above the script that the header allows', async () => {
    const plant = {
      files: {
        '/deep/updraft-sw.js': {
          body: '/* updraft */',
          headers: { 'service-worker-allowed': '/' },
        },
      },
    };
    const options = { worker: '/deep/updraft-sw.js', scope: '/' };
    expect(unwell(await findingsOf(plant, options))).toEqual([]);
  });

  test('with the policy that docs/install.md advises', async () => {
    const policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
      "worker-src 'self'; base-uri 'none'";
    const body = '<!doctype html><script src="/assets/app.js"></script>';
    const headers = { 'content-security-policy': policy };
    const findings = await findingsOf({ files: { '/': { body, type: 'text/html', headers } } });
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  test('a collection that no device may read is not missed in Airflow’s answer', async () => {
    const hidden = { schema: {}, read: 'none' };
    const collections = { ...COLLECTIONS.collections, hidden };
    const body = JSON.stringify({ version: 1, collections });
    const plant = { files: { '/collections.json': { body, type: 'application/json' } } };
    expect(unwell(await findingsOf(plant))).toEqual([]);
  });
});

describe('a planted fault', () => {
  test.each(PLANTED_FAULTS.map((fault) => [fault.name, fault] as const))(
    '%s',
    async (_, { finding, words, mend, state = 'failed', plant, options }) => {
      const [check = ''] = finding.split(' ');
      const findings = await findingsOf(plant, options, upTo(check));
      const found = findings.find(({ name }) => name === finding);
      expect(found, JSON.stringify(unwell(findings))).toMatchObject({
        state,
        what: expect.stringContaining(words),
        mend: expect.stringContaining(mend),
      });
      expect(found?.why, 'says why it matters').not.toBe('');
      expect(JSON.stringify(findings), 'tells no secret').not.toMatch(/secret|a\.token\.of/);
    },
  );

  test('stands for every check', () => {
    const planted = new Set(PLANTED_FAULTS.map(({ finding }) => finding.split(' ')[0]));
    expect(HERE.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
    expect(PLANTED_FAULTS.length).toBeGreaterThanOrEqual(20);
  });

  test('in a check itself is a finding, and the other checks are run', async () => {
    const broken = {
      name: 'broken',
      run: () => {
        throw new Error('a bug');
      },
    };
    const findings = await runChecks(new Site({ app: 'http://127.0.0.1:1/' }), [
      broken,
      { name: 'after', run: broken.run, needs: ['broken'] },
    ]);
    expect(findings.map(({ state, what }) => `${state}: ${what}`)).toEqual([
      'failed: the check itself broke: a bug',
      'skipped: needs broken',
    ]);
  });
});
