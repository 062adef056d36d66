import type { Settled } from '../shared/row.ts';

/** The captures of this page that wait for a verdict. */
export interface Settling {
  readonly of: (collection: string, id: string, seq: number) => Promise<Settled>;
  /** A verdict covers every capture of the record up to the verdict's number. */
  readonly settle: (settled: Settled) => void;
  readonly isWaiting: () => boolean;
  /** Begins a database's log: in a new database the numbers start anew. */
  readonly begin: (log: string) => void;
}

const REMEMBERED_MAX = 500;

export function createSettling(): Settling {
  const waiting = new Map<
    string,
    { readonly seq: number; readonly resolve: (settled: Settled) => void }[]
  >();
  // Newest verdicts, because a verdict can overtake the reply to the capture.
  const recent = new Map<string, Settled>();
  let log: string | undefined;
  const keyOf = (collection: string, id: string): string => `${collection}\n${id}`;
  return {
    of(collection, id, seq) {
      const key = keyOf(collection, id);
      const early = recent.get(key);
      if (early && early.lastSeq >= seq) return Promise.resolve(early);
      return new Promise((resolve) =>
        waiting.set(key, [...(waiting.get(key) ?? []), { seq, resolve }]),
      );
    },
    settle(settled) {
      const key = keyOf(settled.collection, settled.id);
      remember(recent, key, settled);
      const all = waiting.get(key) ?? [];
      const later = all.filter(({ seq }) => seq > settled.lastSeq);
      if (later.length > 0) waiting.set(key, later);
      else waiting.delete(key);
      for (const { seq, resolve } of all) if (seq <= settled.lastSeq) resolve(settled);
    },
    isWaiting: () => waiting.size > 0,
    begin(newLog) {
      if (newLog === log) return;
      log = newLog;
      recent.clear();
      waiting.clear();
    },
  };
}

/** Keeps the newest verdict of each record, and forgets the longest-unchanged record first. */
function remember(recent: Map<string, Settled>, key: string, settled: Settled): void {
  recent.delete(key);
  recent.set(key, settled);
  const [oldest] = recent.keys();
  if (recent.size > REMEMBERED_MAX && oldest !== undefined) recent.delete(oldest);
}
