/** Most edits that count as a slip of the finger. */
const EDITS_MAX = 2;

/** Returns the word that was most likely meant, for an error's message; undefined: none is near. */
export function closest(word: string, words: readonly string[]): string | undefined {
  const near = words
    .map((candidate) => ({ candidate, edits: edits(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(
      ({ candidate, edits: needed }) =>
        needed <= Math.min(EDITS_MAX, candidate.length - 1) ||
        candidate.startsWith(word) ||
        word.startsWith(candidate),
    )
    .sort((a, b) => a.edits - b.edits);
  return near[0]?.candidate;
}

/** Returns ` Did you mean "x"?`, or an empty text. */
export function didYouMean(word: string, words: readonly string[]): string {
  const meant = closest(word, words);
  return meant === undefined ? '' : ` Did you mean "${meant}"?`;
}

/** Levenshtein distance. */
function edits(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [row, letter] of a.split('').entries()) {
    const line = [row + 1];
    for (const [at, other] of b.split('').entries()) {
      line.push(
        Math.min(
          (above[at] ?? 0) + (letter === other ? 0 : 1),
          (above[at + 1] ?? 0) + 1,
          (line[at] ?? 0) + 1,
        ),
      );
    }
    above = line;
  }
  return above.at(-1) ?? 0;
}
