import { readCollections, type Declarations } from '../../shared/collections.ts';

/** A worker's source of declarations. */
export interface DeclarationsSource {
  /**
   * Resolves when this worker may replace its predecessor. Rejects for invalid declarations: the
   * browser then keeps the predecessor.
   */
  readonly install: () => Promise<void>;
  /** The declarations in force. Rejects with `bad-collections`; a later call tries again. */
  readonly current: () => Promise<Declarations>;
  /** Looks for newer declarations. Resolves when all listeners use the newest; never rejects. */
  readonly refresh: () => Promise<void>;
  /** The reason why the newest declarations are not in force. */
  readonly problem: () => string | undefined;
  readonly listen: (listener: DeclarationsListener) => void;
}

export interface DeclarationsListener {
  readonly changed: (declarations: Declarations) => Promise<void>;
  /** Called when the problem with the declarations has changed. */
  readonly troubled: () => void;
}

/**
 * Declarations built into the worker's script: another file is another worker. `given` returns the
 * value passed to `startUpdraft`, or throws.
 */
export function bundled(given: () => unknown): DeclarationsSource {
  const read = Promise.resolve()
    .then(given)
    .then((file) => readCollections(file));
  // Callers get the rejection from `read`; without this handler an unread rejection is reported as
  // unhandled.
  read.catch(() => undefined);
  return {
    install: async () => void (await read),
    current: () => read,
    refresh: async () => undefined,
    problem: () => undefined,
    listen: () => undefined,
  };
}
