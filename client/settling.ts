import type { Settled } from '../shared/row.ts';

/** The captures of this page whose verdict has not come yet. */
export interface Settling {
  readonly of: (collection: string, id: string, seq: number) => Promise<Settled>;
  /** A verdict covers every capture of the record up to its number. */
  readonly settle: (settled: Settled) => void;
  readonly isWaiting: () => boolean;
  /** Names the database that answers now; in another one than before numbers start anew. */
  readonly begin: (log: string) => void;
}

const REMEMBERED_MAX = 500;

export function createSettling(): Settling {
  let waiting: { collection: string; id: string; seq: number; resolve: (settled: Settled) => void }[] = [];
  // A verdict can overtake the reply to its own capture.
  let recent: Settled[] = [];
  let log: string | undefined;
  const covers = (settled: Settled, { collection, id, seq }: { collection: string; id: string; seq: number }): boolean =>
    settled.collection === collection && settled.id === id && settled.lastSeq >= seq;
  return {
    of(collection, id, seq) {
      const early = recent.find((settled) => covers(settled, { collection, id, seq }));
      if (early) return Promise.resolve(early);
      return new Promise((resolve) => waiting.push({ collection, id, seq, resolve }));
    },
    settle(settled) {
      recent = [...recent.slice(1 - REMEMBERED_MAX), settled];
      for (const one of waiting) if (covers(settled, one)) one.resolve(settled);
      waiting = waiting.filter((one) => !covers(settled, one));
    },
    isWaiting: () => waiting.length > 0,
    begin(newLog) {
      if (newLog === log) return;
      log = newLog;
      recent = [];
      waiting = [];
    },
  };
}
