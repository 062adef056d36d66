import type { Parameters } from 'fast-check';

const drawnSeed = process.env['UPDRAFT_SEED'];
/** For tests that draw: named in each, and UPDRAFT_SEED draws an earlier run again. One seed for all of a run. */
export const seed = Number(drawnSeed ?? Date.now() % 1_000_000);
/** UPDRAFT_RUNS is 40 in `npm test`; `npm run soak` draws more. */
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? 40);
/** Tests that draw may take longer than others where more is drawn. */
export const DRAWS_TIMEOUT_MS = 5_000 + RUNS * 1_000;

/** The test's name, with what draws it again. */
export const drawn = (name: string): string => `${name} (UPDRAFT_SEED=${seed}${RUNS === 40 ? '' : ` UPDRAFT_RUNS=${RUNS}`})`;

/** So many draws in `npm test`. A failure is reported as it was drawn; drawn again by its seed, it is made small first. */
export const draws = <T>(runs: number): Parameters<T> => ({
  seed,
  numRuns: Math.ceil((runs * RUNS) / 40),
  endOnFailure: drawnSeed === undefined,
});
