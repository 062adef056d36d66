import type { Conflict } from '../shared/conflict.ts';
import { isScalars, jsonEquals, own, type Json } from '../shared/json.ts';

type Fields = Readonly<Record<string, Json>>;

/** A record before two people's changes, after each change alone, and after both. */
export interface Observed {
  readonly base: Fields | null;
  readonly mine: Fields | null;
  readonly theirs: Fields | null;
  readonly after: Fields | null;
  /** Whether my device told that something of mine gave way. */
  readonly isDropped: boolean;
  readonly conflict?: Conflict;
  /** The kind of the refusal. */
  readonly refused?: string;
}

/** Returns the outcome in plain words. Throws for one that has no words. */
export function wordsFor(observed: Observed): string {
  const { mine, theirs, after, conflict, refused, isDropped } = observed;
  if (refused !== undefined) return `mine is refused (\`${refused}\`)`;
  if (conflict) return askedWords(conflict);
  const all =
    mine && theirs && after
      ? fieldsOf(observed).flatMap((field) => fieldWords(observed, field) ?? [])
      : [wholeWords(observed)];
  // The words that say most about the record.
  const words = new Set(all);
  const [told, ...more] = [...words].filter((word) => !ALWAYS.includes(word));
  const [least] = ALWAYS.filter((word) => words.has(word));
  const most = told ?? least;
  if (most === undefined || more.length > 0)
    throw new Error(`No words for ${JSON.stringify(observed)}`);
  return `${most}${isDropped ? ', mine is dropped' : ''}`;
}

const MERGED = 'merged';
const SAME = 'the same: nothing to decide';
const ALWAYS = [MERGED, SAME];

function askedWords({ fields, reason }: Conflict): string {
  const what = fields === '*' ? 'the record' : fields.map(({ field }) => `\`${field}\``).join(', ');
  return `a person is asked about ${what} (\`${reason}\`)`;
}

/** The words where somebody has deleted the record. */
function wholeWords({ base, mine, theirs, after }: Observed): string {
  if (!mine && !theirs && !after) return 'deleted, as both want';
  if (!after && !theirs) return 'theirs wins: deleted';
  if (!after && !mine) return 'mine wins: deleted';
  if (!mine && jsonEquals(after, theirs)) return 'theirs wins: the record stays';
  if (!theirs && jsonEquals(after, mine))
    return base ? 'mine wins: the record is back' : 'mine wins';
  throw new Error(`No words for ${JSON.stringify({ mine, theirs, after })}`);
}

const fieldsOf = (observed: Observed): string[] => [
  ...new Set(
    [observed.base, observed.mine, observed.theirs].flatMap((fields) => Object.keys(fields ?? {})),
  ),
];

/** The words for a field; undefined for one that nobody has changed. */
function fieldWords({ base, mine, theirs, after }: Observed, field: string): string | undefined {
  const [was, my, their, is] = [base, mine, theirs, after].map((one) => own(one, field));
  const [isMine, isTheirs] = [!jsonEquals(was, my), !jsonEquals(was, their)];
  const isLost = (value: Json | undefined): boolean =>
    !jsonEquals(is, value) && jsonEquals(is, was);
  if (!isMine || !isTheirs) {
    if (jsonEquals(is, isMine ? my : their)) return isMine || isTheirs ? MERGED : undefined;
    if (isTheirs && isLost(their)) return `theirs is undone unseen (\`${field}\`)`;
    throw new Error(`${field} is ${JSON.stringify(is)}`);
  }
  if (jsonEquals(my, their) && jsonEquals(is, my)) return SAME;
  if (jsonEquals(is, my)) return 'mine wins';
  if (jsonEquals(is, their)) return 'theirs wins';
  if (isSum(was ?? 0, my ?? 0, their ?? 0, is)) return `sums up: ${JSON.stringify(is)}`;
  if (isBoth(was ?? [], my, their, is)) return 'both changes are in the list';
  throw new Error(`${field} is ${JSON.stringify(is)}`);
}

const isSum = (...[was, my, their, is]: readonly (Json | undefined)[]): boolean =>
  typeof was === 'number' &&
  typeof my === 'number' &&
  typeof their === 'number' &&
  is === my + their - was;

/** Whether the list holds what both have added, and nothing that either has removed. */
function isBoth(...lists: readonly (Json | undefined)[]): boolean {
  if (!lists.every(isScalars)) return false;
  const [was, my, their, is] = lists.map((list) => new Set(list as readonly Json[]));
  if (!was || !my || !their || !is) return false;
  const wanted = [...new Set([...was, ...my, ...their])].filter(
    (one) => !was.has(one) || (my.has(one) && their.has(one)),
  );
  return wanted.length === is.size && wanted.every((one) => is.has(one));
}
