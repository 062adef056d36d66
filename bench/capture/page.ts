import { documentsOf, type CaptureDocument } from './documents.ts';
import type { CaptureStore, OpenStore, PrepareStore } from './store.ts';

/** A work on a store; the counts are of documents. */
export interface Work {
  /** Names the store, and begins the ids of the documents. */
  readonly name: string;
  /** Documents that must be in the store before. */
  readonly beside: number;
  /** Captured singly before the clock starts. */
  readonly warmUp: number;
  readonly count: number;
  /** Captures that wait for their reply at a time; with `isBulk`, documents of a call. */
  readonly width: number;
  readonly isBulk: boolean;
}

/** Milliseconds: of the whole work, and of each call within. */
export interface Measured {
  readonly total: number;
  readonly calls: readonly number[];
}

let open: OpenStore;
let store: CaptureStore;

/** Puts the bench of these stores onto the page, where Playwright calls its functions. */
export function installCaptureBench(stores: Readonly<Record<string, PrepareStore>>): void {
  const bench = {
    async prepare(name: string): Promise<void> {
      const prepare = stores[name];
      if (!prepare) throw new Error(`There is no store "${name}".`);
      open = await prepare();
    },

    /** Opens the work's store, does the work, and counts what is stored. */
    async run({ name, beside, warmUp, count, width, isBulk }: Work): Promise<Measured | undefined> {
      store = await open(name);
      const { put, putMany } = store;
      if (isBulk && !putMany) return undefined;
      const found = await store.count();
      if (found < beside) throw new Error(`${found} documents are stored, not ${beside}.`);
      const documents = documentsOf(`${name}-${found}`, warmUp + count);
      for (const document of documents.splice(0, warmUp)) await put(document);
      const measured =
        isBulk && putMany
          ? await inTurn(batchesOf(documents, width), putMany)
          : await inFlight(documents, width, put);
      const stored = (await store.count()) - found;
      if (stored !== warmUp + count)
        throw new Error(`${stored} of ${warmUp + count} documents are stored.`);
      return measured;
    },

    /** Milliseconds of a capture into the store of the last work. */
    async once(id: string): Promise<number> {
      const documents = documentsOf(id, 1);
      return (await inTurn(documents, store.put)).total;
    },
  };
  Object.assign(window, { captureBench: bench });
}

export interface CaptureBench {
  readonly prepare: (name: string) => Promise<void>;
  readonly run: (work: Work) => Promise<Measured | undefined>;
  readonly once: (id: string) => Promise<number>;
}

function batchesOf(documents: readonly CaptureDocument[], size: number): CaptureDocument[][] {
  return Array.from({ length: Math.ceil(documents.length / size) }, (_, n) =>
    documents.slice(n * size, (n + 1) * size),
  );
}

const inTurn = <T>(items: readonly T[], call: (item: T) => Promise<unknown>): Promise<Measured> =>
  inFlight(items, 1, call);

/** Calls for each item, `width` at a time: a new call begins with each reply. */
async function inFlight<T>(
  items: readonly T[],
  width: number,
  call: (item: T) => Promise<unknown>,
): Promise<Measured> {
  const calls: number[] = [];
  const waiting = items.values();
  const begun = performance.now();
  const lane = async (): Promise<void> => {
    for (const item of waiting) {
      const before = performance.now();
      await call(item);
      calls.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return { total: performance.now() - begun, calls };
}
