import { failed, skipped, type Finding, type Verdict, type Verdicts } from './finding.ts';
import type { Site } from './site.ts';

/** A row of the table. `needs` names the checks that must be well for this check. */
export interface Check {
  readonly name: string;
  readonly run: (site: Site) => Verdicts;
  readonly needs?: readonly string[];
}

/** Runs the checks in order. A check that breaks is a finding, and the others are run. */
export async function runChecks(site: Site, checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  const unwell = new Set<string>();
  for (const check of checks) {
    const missing = (check.needs ?? []).filter((name) => unwell.has(name));
    const verdicts =
      missing.length > 0
        ? [skipped(`needs ${missing.join(' and ')}`)]
        : await verdictsOf(check, site);
    if (verdicts.some(({ state }) => state === 'failed' || state === 'skipped'))
      unwell.add(check.name);
    findings.push(...verdicts.map((verdict) => named(check, verdict)));
  }
  return findings;
}

const named = ({ name }: Check, { about, ...verdict }: Verdict): Finding => ({
  name: `${name} ${about}`.trimEnd(),
  ...verdict,
});

async function verdictsOf(check: Check, site: Site): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  try {
    for await (const verdict of check.run(site)) verdicts.push(verdict);
  } catch (error) {
    const what = `the check itself broke: ${error instanceof Error ? error.message : error}`;
    verdicts.push(failed(what, 'nothing is known of this part', 'report it if it stays'));
  }
  return verdicts;
}
