import { atMost } from './tree.mjs';

const WORDS_MAX = 280;
/** The appendix, up to the next section: figures may be as many as it takes. */
const MEASUREMENTS = /^## Measurements$[^]*?(?=^## |(?![^]))/gm;

/**
 * Lengths of decisions: a page of `docs/adr/` without its measurements.
 * @param {import('./tree.mjs').Tree} tree
 * @returns {import('./tree.mjs').Row[]}
 */
export function measureDecisions({ decisions }) {
  const bodies = decisions
    .map(({ path, text }) => ({ path, words: wordsOf(text.replace(MEASUREMENTS, '')) }))
    .sort((a, b) => b.words - a.words);
  const long = bodies
    .filter(({ words }) => words > WORDS_MAX)
    .map(({ path, words }) => `${path} has ${words} words outside its measurements`);
  return [atMost('longest ADR body, words', bodies[0]?.words ?? 0, WORDS_MAX, long)];
}

/** @param {string} text */
const wordsOf = (text) => text.match(/\S+/g)?.length ?? 0;
