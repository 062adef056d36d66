import type { CircuitStateKind, HistoryFact } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import type { Desk } from '../desk.ts';
import type { World } from '../world.ts';
import { backoffMs, isDue } from './backoff.ts';

/**
 * Whether Airflow is fit to be asked:
 *
 *   closed ──struggles──▶ open ──due, or pressing──▶ half-open ──answered──▶ closed
 *                          ▲                            │
 *                          └──────── struggles ─────────┘
 */
export type CircuitState =
  | { readonly kind: 'closed' }
  | OpenCircuit
  /** `until`: a probe that has not come back by then never will. */
  | { readonly kind: 'half-open'; readonly before: OpenCircuit; readonly until: number };

/** Kept on disk: a worker that starts anew does not begin by asking a server in trouble. `until` is ms since 1970. */
export interface OpenCircuit {
  readonly kind: 'open';
  readonly failures: number;
  readonly until: number;
}

/** What a request told of Airflow. `struggles`: 5xx, 429, somebody else's answer, or none while online. `unsent`: nothing was asked, or the device was offline. */
export type CircuitReport =
  | { readonly told: 'answered' }
  | { readonly told: 'unsent' }
  | { readonly told: 'struggles'; readonly retryAfterMs?: number | undefined };

/** What an outcome told of Airflow; offline a failed request tells of the network alone. */
export function reportOf(outcome: { readonly effect: string; readonly retryAfterMs?: number }, online: boolean): CircuitReport {
  if (outcome.effect !== 'retry') return { told: 'answered' };
  return online ? { told: 'struggles', retryAfterMs: outcome.retryAfterMs } : { told: 'unsent' };
}

/** The state that all replicas of a worker share: there is one Airflow. */
export class CircuitCell {
  state: CircuitState = { kind: 'closed' };
  /** Called when Airflow answers again: whoever was kept waiting may go on. */
  readonly onClosed = new Set<() => void>();
}

/** Longer than any request may take. */
const PROBE_MS_MAX = 120_000;

/**
 * One circuit for everything that is sent to an Airflow, so that a server in trouble gets one probe, not one from each lane:
 * ask `mayTry`, call `begin` at once before sending, and `report` what came of it, always; `giveUp` where that cannot be said.
 */
export class Circuit {
  readonly #cell: CircuitCell;
  readonly #world: Pick<World, 'clock' | 'random'>;
  readonly #desk: Desk;

  constructor(cell: CircuitCell, world: Pick<World, 'clock' | 'random'>, desk: Desk) {
    this.#cell = cell;
    this.#world = world;
    this.#desk = desk;
  }

  get state(): CircuitState {
    return this.#cell.state;
  }

  /** Takes up what an earlier worker left. */
  restore(kept: OpenCircuit | undefined): void {
    if (kept && this.#cell.state.kind === 'closed') this.#cell.state = kept;
  }

  /** Whether a request may be sent now. `isPressing`: a chance that may not come again does not wait for the due time, but never makes a second probe. */
  mayTry(isPressing = false): boolean {
    const { state } = this.#cell;
    const now = this.#world.clock.now();
    switch (state.kind) {
      case 'closed':
        return true;
      case 'open':
        return isPressing || isDue(state.until, now);
      case 'half-open':
        return isDue(state.until, now);
      default:
        return unreachable(state);
    }
  }

  /** When a request may be sent at the latest, in ms since 1970; undefined while closed. */
  dueAt(): number | undefined {
    return this.#cell.state.kind === 'closed' ? undefined : this.#cell.state.until;
  }

  /** A request goes out. Nothing may be awaited between `mayTry` and this. */
  begin(): void {
    const { state } = this.#cell;
    if (state.kind === 'closed') return;
    const before = state.kind === 'open' ? state : state.before;
    this.#cell.state = { kind: 'half-open', before, until: this.#world.clock.now() + PROBE_MS_MAX };
  }

  /** The request that was begun never went out, or nobody can say what came of it: the next one may be the probe. */
  giveUp(): void {
    const { state } = this.#cell;
    if (state.kind === 'half-open') this.#cell.state = state.before;
  }

  /** What came of a request. Writes only when the state changes. */
  async report(report: CircuitReport): Promise<void> {
    const from = this.#cell.state;
    const to = this.#after(from, report);
    this.#cell.state = to;
    if (to === from) return;
    await this.#desk.recordChange((replica) => ({ ...withoutCircuit(replica), ...(to.kind === 'open' ? { circuit: to } : {}) }), [moved(from.kind, to)]);
    if (to.kind === 'closed') for (const call of this.#cell.onClosed) call();
  }

  #after(state: CircuitState, report: CircuitReport): CircuitState {
    switch (report.told) {
      case 'answered':
        return state.kind === 'closed' ? state : { kind: 'closed' };
      case 'unsent':
        return state.kind === 'half-open' ? state.before : state;
      case 'struggles':
        // What was under way when it opened tells nothing new.
        if (state.kind === 'open') return state;
        return this.#opened(state.kind === 'closed' ? 1 : state.before.failures + 1, report.retryAfterMs);
      default:
        return unreachable(report);
    }
  }

  #opened(failures: number, retryAfterMs: number | undefined): OpenCircuit {
    const { clock, random } = this.#world;
    return { kind: 'open', failures, until: clock.now() + backoffMs(failures, random.fraction(), retryAfterMs) };
  }
}

const withoutCircuit = <R extends { readonly circuit?: OpenCircuit }>({ circuit: _, ...replica }: R): Omit<R, 'circuit'> => replica;

function moved(from: CircuitStateKind, to: CircuitState): HistoryFact {
  return { kind: 'circuit', from, to: to.kind, ...(to.kind === 'open' ? { failures: to.failures, until: to.until } : { failures: 0 }) };
}
