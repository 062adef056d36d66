import type { Parameters } from 'fast-check';

const drawnSeed = process.env['UPDRAFT_SEED'];
/** The seed of this run's draws, shown in each test's name. UPDRAFT_SEED repeats an earlier run. */
export const seed = Number(drawnSeed ?? Date.now() % 1_000_000);
/** UPDRAFT_RUNS is 40 in `npm test`; `npm run soak` draws more. */
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? 40);
/** The time limit grows with the number of draws. */
export const DRAWS_TIMEOUT_MS = 5_000 + RUNS * 1_000;

/** Returns the test's name with the variables that repeat its draws. */
export const drawn = (name: string): string =>
  `${name} (UPDRAFT_SEED=${seed}${RUNS === 40 ? '' : ` UPDRAFT_RUNS=${RUNS}`})`;

/**
 * Parameters for this many draws in `npm test`. A failure is reported as drawn; a run repeated by
 * its seed is shrunk first.
 */
export const draws = <T>(runs: number): Parameters<T> => ({
  seed,
  numRuns: Math.ceil((runs * RUNS) / 40),
  endOnFailure: drawnSeed === undefined,
});
