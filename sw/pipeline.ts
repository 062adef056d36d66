import { UpdraftError } from '../shared/errors.ts';
import type { WakeReason } from '../shared/history.ts';
import { TRANSPORT_LIMITS } from '../shared/limits.ts';
import type { Captured, UpdraftEvent } from '../shared/messages.ts';
import { captureGroup, type CaptureJob, type CaptureUnit } from './capture/capture-group.ts';
import { GroupCommit } from './capture/group-commit.ts';
import { makingOf } from './outbox/open-delivery.ts';
import { nextDelivery } from './outbox/seal-delivery.ts';
import { prepareToSeal } from './outbox/seal.ts';
import { reportOf } from './replay/circuit.ts';
import { replay, type Replayed } from './replay/replay.ts';
import { afterEffect, type Ended } from './settle/after-effect.ts';
import type { Delivery } from './state/delivery.ts';
import { credentialsOf, type Replica } from './state/replica.ts';
import { deviceReport } from './status/device-report.ts';
import type { DeviceState } from './status/status.ts';
import type { ReplicaTx } from './store/replica-tx.ts';
import type { WakeUps } from './wake/wake-ups.ts';
import type { Engine } from './replay/engine.ts';

/** Permission of an exchange to start. */
export interface Permission {
  /** Returns the wake reason that allows an exchange now, or undefined. */
  readonly reasonToSend: (replica: Replica) => WakeReason | undefined;
  readonly online: boolean;
}

/** An exchange that has started: on disk its delivery, if it has one, is on its way. */
export interface StartedExchange {
  readonly wake: WakeReason | undefined;
  readonly replica: Replica;
  readonly delivery: Delivery | undefined;
  /** A pull that finds out whether Airflow can be reached although the browser is offline. */
  readonly isProbe: boolean;
  readonly deviceState: DeviceState;
}

/** Result of an exchange; `next` has been started with it, in the transaction that settled it. */
export type ExchangeResult =
  | Ended<StartedExchange>
  | { readonly exchanged: 'nothing-to-do'; readonly next?: StartedExchange };

const NOTHING = { delivery: undefined, events: [] } as const;

/**
 * The whole product on one screen: a change is captured, and an exchange seals, sends and settles.
 * Each step is one strict transaction, none is open across a network call, and after a kill
 * anywhere the next drain (`drain.ts`) goes on from the replica's row.
 */
export class Pipeline {
  readonly #engine: Engine;
  readonly #wakeUps: WakeUps;
  readonly #captures = new GroupCommit((units: readonly CaptureUnit[]) => this.#capture(units));

  constructor(engine: Engine, wakeUps: WakeUps) {
    this.#engine = engine;
    this.#wakeUps = wakeUps;
  }

  /**
   * Stores a change durably and makes sure that something will wake the worker for it. Throws typed
   * errors for bad input.
   */
  async capture(job: CaptureJob): Promise<Captured> {
    const [captured] = await this.captureMany([job]);
    if (!captured) throw new Error('a capture has no answer');
    return captured;
  }

  /** Stores all of the changes durably, in the order given, or none of them. */
  async captureMany(unit: CaptureUnit): Promise<readonly Captured[]> {
    const writing = this.#captures.add(unit);
    if (__UPDRAFT_PLANTED_BUG__ === 'acknowledge-before-commit')
      return unit.map(() => ({ id: '', seq: 0, log: '', settled: false }));
    const captured = await writing;
    if (captured instanceof UpdraftError) throw captured;
    return captured;
  }

  /**
   * Makes one exchange: seals the next delivery, unless the exchange before has started this one,
   * sends it, and settles the answer. `follow` allows the next exchange to start with the settling.
   */
  async exchange(
    begin: Permission | StartedExchange,
    wantsPull: boolean,
    follow: () => Permission | undefined,
  ): Promise<ExchangeResult> {
    try {
      const started = 'deviceState' in begin ? begin : await this.#seal(begin);
      if (!isNeeded(started, wantsPull)) {
        await this.#engine.circuit.report({ kind: 'unsent' });
        return { exchanged: 'nothing-to-do' };
      }
      const answered = await this.#send(started);
      return await this.#settle(started, answered, follow());
    } catch (error) {
      // The storage failed: the next attempt must not wait for a probe that is not out.
      this.#engine.circuit.giveUp();
      throw error;
    }
  }

  async #capture(
    units: readonly CaptureUnit[],
  ): Promise<readonly (readonly Captured[] | UpdraftError)[]> {
    const { results, events, log, opened } = await captureGroup(this.#engine.world, units);
    this.#engine.desk.tell(events, log);
    // Before the reply, once a delivery: the page may close as soon as it has it.
    if (opened) await this.#wakeUps.wakeFor(opened.deliveryId);
    this.#engine.desk.reporter.tellStatusSoon();
    return results;
  }

  #seal(permission: Permission): Promise<StartedExchange> {
    return this.#engine.desk.write(async (tx) => {
      const [replica] = await Promise.all([tx.replica(), tx.cursor()]);
      return this.#start(tx, replica, permission);
    });
  }

  /** Puts the next delivery on its way. Offline nothing is sealed; a pull may probe Airflow. */
  async #start(
    tx: ReplicaTx,
    replica: Replica,
    { reasonToSend, online }: Permission,
  ): Promise<{ result: StartedExchange; events: readonly UpdraftEvent[] }> {
    const wake = reasonToSend(replica);
    const sealing = { ...makingOf(this.#engine.world), maySeal: online };
    const { delivery, events } =
      wake === undefined ? NOTHING : await nextDelivery(tx, replica, sealing);
    const isProbe = !online && (await tx.hasSendable());
    const deviceState = await this.#engine.desk.reporter.deviceState(tx, replica);
    return { result: { wake, replica, delivery, isProbe, deviceState }, events };
  }

  async #send({ wake, replica, delivery, deviceState }: AllowedExchange): Promise<Replayed> {
    const { clock, appVersion, isOnline, logger } = this.#engine.world;
    this.#engine.desk.reporter.setActivity(delivery ? 'sending' : 'pulling');
    const answered = await replay(this.#engine, {
      replica,
      delivery,
      device: deviceReport(deviceState, clock.now(), appVersion),
      wake,
      meanwhile: () => this.#meanwhile(delivery),
    });
    logger.debug('An attempt has ended.', answered.fact);
    await this.#engine.circuit.report(reportOf(answered.effect, isOnline()));
    return answered;
  }

  /**
   * Settles the answer; the next exchange starts in the same transaction, while the database is
   * busy with the verdicts, so that sealing it takes no time of its own.
   */
  #settle(
    { replica }: StartedExchange,
    { effect, request, sent, fact }: Replayed,
    follow: Permission | undefined,
  ): Promise<ExchangeResult> {
    const attempt = {
      effect,
      request,
      delivery: sent,
      fact,
      signIns: replica.auth.signIns,
      signedInBy: credentialsOf(replica.auth),
      signInRequiredAtStart: replica.auth.required,
      dueAt: this.#engine.circuit.dueAt(),
    };
    const startNext = follow && ((tx: ReplicaTx, now: Replica) => this.#start(tx, now, follow));
    return afterEffect(this.#engine, attempt, startNext);
  }

  /** Work done while the answer is awaited. A failure here is met again where it matters. */
  async #meanwhile(delivery: Delivery | undefined): Promise<void> {
    await Promise.all([this.#engine.desk.reporter.tellStatus(), this.#readAhead(delivery)]).catch(
      (error: unknown) =>
        this.#engine.world.logger.debug(
          'The status could not be told, or the next changes read, during an exchange.',
          error,
        ),
    );
  }

  /**
   * Reads the changes that will most likely be sealed next. The answer may change them: they stay
   * unsealed.
   */
  async #readAhead(delivery: Delivery | undefined): Promise<void> {
    if (delivery?.batch === undefined) return;
    // A record more than a batch holds tells as well whether anything is left after the batch.
    const max = TRANSPORT_LIMITS.plugin.batchMutationsMax + 1;
    prepareToSeal(await this.#engine.world.store.read((tx) => tx.sendable(max)));
  }
}

type AllowedExchange = StartedExchange & { readonly wake: WakeReason };

/** Whether an exchange is allowed, and carries a delivery or pulls. */
function isNeeded(started: StartedExchange, wantsPull: boolean): started is AllowedExchange {
  const { wake, replica, delivery, isProbe } = started;
  const mustPull = !replica.ready || replica.rereading || isProbe;
  return wake !== undefined && (delivery !== undefined || mustPull || wantsPull);
}
