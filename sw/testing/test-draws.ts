import type { Parameters } from 'fast-check';

const drawnSeed = process.env['UPDRAFT_SEED'];
/** The seed of this run's draws, shown in each test's name. UPDRAFT_SEED repeats an earlier run. */
export const seed = Number(drawnSeed ?? Date.now() % 1_000_000);
/** UPDRAFT_RUNS in `npm test`, where each property draws a number of its own. */
const RUNS_OF_TEST = 40;
const RUNS = Number(process.env['UPDRAFT_RUNS'] ?? RUNS_OF_TEST);
/** Longest time of a draw beside busy cores. */
const DRAW_MS_MAX = RUNS > RUNS_OF_TEST ? 5_000 : 1_000;
/** The time limit grows with the number of draws. */
export const DRAWS_TIMEOUT_MS = 5_000 + RUNS * DRAW_MS_MAX;

/** Returns the test's name with the variables that repeat its draws. */
export const drawn = (name: string): string =>
  `${name} (UPDRAFT_SEED=${seed}${RUNS === RUNS_OF_TEST ? '' : ` UPDRAFT_RUNS=${RUNS}`})`;

/**
 * Parameters for this many draws in `npm test`; a larger UPDRAFT_RUNS draws that many in each
 * property. A failure is reported as drawn; a run repeated by its seed is shrunk first.
 */
export const draws = <T>(runs: number): Parameters<T> => ({
  seed,
  numRuns: RUNS > RUNS_OF_TEST ? RUNS : Math.ceil((runs * RUNS) / RUNS_OF_TEST),
  endOnFailure: drawnSeed === undefined,
});
