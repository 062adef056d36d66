import type { Change } from '../../shared/exchange.ts';
import { jsonBytes } from '../../shared/json.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { Verdict } from '../../shared/verdict.ts';
import type { Author, Declared } from './declared.ts';
import { namesOf, type StoreState } from './memory-store.ts';

/** A page of the changes that a user may see, in the order of their revisions. */
export interface Page {
  readonly changes: readonly Change[];
  readonly upTo: number;
  readonly more: boolean;
}

/** Reads the changes after `since`, without those at the revision of an applied verdict. */
export function readPage(
  state: StoreState,
  author: Author,
  declared: Declared,
  since: number,
  limit: number,
  settled: readonly Verdict[],
): Page {
  const known = new Set(
    settled.flatMap(({ verdict, revision }) => (verdict === 'applied' ? revision : [])),
  );
  const all = [...records(state, author, declared), ...goneOf(state, author, declared)]
    .filter(({ revision }) => revision > since && !known.has(revision))
    .sort((a, b) => a.revision - b.revision);
  const { pageBytesMax } = TRANSPORT_LIMITS[author.transport];
  let bytes = 0;
  const end = all.findIndex((change, at) => {
    bytes += jsonBytes(change) + 1;
    return at > 0 && (at === limit || bytes > pageBytesMax);
  });
  const changes = end < 0 ? all : all.slice(0, end);
  const upTo = end < 0 ? state.revision : (changes.at(-1)?.revision ?? since);
  return { changes, upTo, more: end >= 0 };
}

function* records(state: StoreState, author: Author, declared: Declared): Generator<Change> {
  for (const [key, { owner, deleted, revision, fields }] of state.records) {
    const [collection, id] = namesOf(key);
    if (!declared.get(collection) || !declared.mayRead(collection, owner, author)) continue;
    const head = { collection, id, revision };
    yield deleted ? { ...head, deleted } : { ...head, record: { id, ...fields } };
  }
}

function* goneOf(state: StoreState, author: Author, declared: Declared): Generator<Change> {
  for (const [place, revision] of state.gone) {
    const [user, collection = '', id = ''] = JSON.parse(place) as string[];
    const isShown = declared.get(collection)?.read === 'own';
    if (user === author.user && isShown && declared.travels(collection, author.transport))
      yield { collection, id, revision, gone: true };
  }
}
