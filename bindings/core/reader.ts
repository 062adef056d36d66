import type { UpdraftError } from '../../client/index.ts';

/**
 * A value of the device, as known now. `data` is undefined until the first read has ended, and
 * stays while a later read fails; `error` tells why the newest read failed, and goes with the next
 * read that succeeds.
 */
export interface Reading<T> {
  readonly data: T | undefined;
  readonly error: UpdraftError | undefined;
}

/** A reading with listeners: read while somebody listens, and shared by all who do. */
export interface Reader<T> {
  /** Calls the listener after each new reading; returns the function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The reading as of now: the same object until the next reading. */
  readonly getSnapshot: () => Reading<T>;
}

/** Nothing read yet; also the reading on a server, which has no device. */
export const NOTHING: Reading<never> = { data: undefined, error: undefined };

/** Begins to read, tells what is read or why it failed, and returns what ends the reading. */
export type Start<T> = (
  tell: (data: T | undefined) => void,
  fail: (error: UpdraftError) => void,
) => readonly (() => void)[];

/**
 * Makes a reader. Reading begins with the first listener and ends after the last, so that nothing
 * of a user who has left stays in memory. A listener that leaves and comes back at once, as under
 * React's strict mode, ends nothing.
 */
export function createReader<T>(start: Start<T>, onEnd?: () => void): Reader<T> {
  const listeners = new Set<() => void>();
  let snapshot: Reading<T> = NOTHING;
  let stop: (() => void) | undefined;
  const begin = (): void => {
    let isOver = false;
    const show = (data: T | undefined, error?: UpdraftError): void => {
      if (isOver) return;
      snapshot = { data, error };
      for (const listener of listeners) listener();
    };
    const stops = start(show, (error) => show(snapshot.data, error));
    stop = () => {
      isOver = true;
      stop = undefined;
      snapshot = NOTHING;
      for (const end of stops) end();
      onEnd?.();
    };
  };
  return {
    getSnapshot: () => snapshot,
    subscribe(listener) {
      // A function of its own: a listener may subscribe twice.
      const own = (): void => listener();
      listeners.add(own);
      if (!stop) begin();
      return () => {
        listeners.delete(own);
        queueMicrotask(() => listeners.size > 0 || stop?.());
      };
    },
  };
}

/** A reader that never changes. */
export const constant = <T>(reading: Reading<T>): Reader<T> => ({
  getSnapshot: () => reading,
  subscribe: () => () => undefined,
});
