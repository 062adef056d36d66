/** Returns a generator of numbers in [0, 1), reproducible by the seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The seed of this run: UPDRAFT_SEED repeats an earlier run. Kept in the environment, since several
 * processes read the tests.
 */
export const seedOf = (): number =>
  Number((process.env['UPDRAFT_SEED'] ??= String(Date.now() % 1_000_000)));
