/**
 * The list that makes the browser wake the worker: one row per delivery, and a sync registration.
 * The replica is the truth; this list can be deleted at any moment without loss (law 5).
 */
export interface WakeUpQueue {
  /** Reads without removing: a row leaves only when its delivery is settled. */
  readonly peek: (lane: string) => Promise<readonly WakeUpRow[]>;
  readonly push: (deliveryId: string, lane: string) => Promise<void>;
  readonly remove: (row: WakeUpRow) => Promise<void>;
  /**
   * Asks the browser for a sync event; false where the browser has none. `isStuck`: the last event
   * ended with work left, so its tag waits in the browser's backoff, where the network's return
   * does not fire the tag. A fresh tag is registered beside the old.
   */
  readonly register: (isStuck?: boolean) => Promise<boolean>;
}

export interface WakeUpRow {
  readonly id: number;
  readonly deliveryId: string;
}
