import type { CircuitStateKind, HistoryFact } from '../../shared/history.ts';
import { unreachable } from '../../shared/errors.ts';
import type { Desk } from '../status/desk.ts';
import type { World } from '../world.ts';
import { backoffMs, isDue } from './backoff.ts';
import type { CircuitReport, CircuitState, OpenCircuit } from '../state/circuit-state.ts';

/** The circuit report of an outcome; offline, a failed request says nothing about Airflow. */
export function reportOf(
  outcome: { readonly kind: string; readonly retryAfterMs?: number },
  online: boolean,
): CircuitReport {
  if (outcome.kind !== 'retry') return { kind: 'answered' };
  return online ? { kind: 'struggles', retryAfterMs: outcome.retryAfterMs } : { kind: 'unsent' };
}

/** The circuit state, shared by all replicas of a worker: there is a single Airflow. */
export class CircuitCell {
  state: CircuitState = { kind: 'closed' };
  /** Called when Airflow answers again: waiting lanes may go on. */
  readonly onClosed = new Set<() => void>();
}

/** Longer than any request may take. */
const PROBE_MS_MAX = 120_000;

/**
 * A single circuit for all requests to Airflow, so that a server in trouble gets a single probe
 * instead of a probe from each lane. Usage: ask `mayTry`, call `begin` at once before sending, and
 * always `report` the outcome, or `giveUp` where there is none.
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

  /** Takes over the open circuit that an earlier worker stored. */
  restore(kept: OpenCircuit | undefined): void {
    if (kept && this.#cell.state.kind === 'closed') this.#cell.state = kept;
  }

  /**
   * Whether a request may be sent now. `isPressing`: a chance that may not come again ignores the
   * due time, but never starts a second probe.
   */
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

  /**
   * The time at which a request may be sent at the latest, in ms since 1970; undefined while
   * closed.
   */
  dueAt(): number | undefined {
    return this.#cell.state.kind === 'closed' ? undefined : this.#cell.state.until;
  }

  /** Marks a request as sent. Nothing may be awaited between `mayTry` and this. */
  begin(): void {
    const { state } = this.#cell;
    if (state.kind === 'closed') return;
    const before = state.kind === 'open' ? state : state.before;
    this.#cell.state = { kind: 'half-open', before, until: this.#world.clock.now() + PROBE_MS_MAX };
  }

  /**
   * Gives the probe back when the request was never sent or its outcome is unknown: the next
   * request may be the probe.
   */
  giveUp(): void {
    const { state } = this.#cell;
    if (state.kind === 'half-open') this.#cell.state = state.before;
  }

  /** Takes the outcome of a request; writes only when the state changes. */
  async report(report: CircuitReport): Promise<void> {
    const from = this.#cell.state;
    const to = this.#after(from, report);
    this.#cell.state = to;
    if (to === from) return;
    await this.#desk.recordChange(
      (replica) => ({ ...withoutCircuit(replica), ...(to.kind === 'open' ? { circuit: to } : {}) }),
      [moved(from.kind, to)],
    );
    if (to.kind === 'closed') for (const call of this.#cell.onClosed) call();
  }

  #after(state: CircuitState, report: CircuitReport): CircuitState {
    switch (report.kind) {
      case 'answered':
        return state.kind === 'closed' ? state : { kind: 'closed' };
      case 'unsent':
        return state.kind === 'half-open' ? state.before : state;
      case 'struggles':
        // A request sent before the circuit opened brings no news.
        if (state.kind === 'open') return state;
        return this.#opened(
          state.kind === 'closed' ? 1 : state.before.failures + 1,
          report.retryAfterMs,
        );
      default:
        return unreachable(report);
    }
  }

  #opened(failures: number, retryAfterMs: number | undefined): OpenCircuit {
    const { clock, random } = this.#world;
    return {
      kind: 'open',
      failures,
      until: clock.now() + backoffMs(failures, random.fraction(), retryAfterMs),
    };
  }
}

const withoutCircuit = <R extends { readonly circuit?: OpenCircuit }>({
  circuit: _,
  ...replica
}: R): Omit<R, 'circuit'> => replica;

function moved(from: CircuitStateKind, to: CircuitState): HistoryFact {
  return {
    kind: 'circuit',
    from,
    to: to.kind,
    ...(to.kind === 'open' ? { failures: to.failures, until: to.until } : { failures: 0 }),
  };
}
