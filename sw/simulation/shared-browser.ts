import * as fc from 'fast-check';
import { expect } from 'vitest';
import { UpdraftError } from '../../shared/errors.ts';
import type { TransportName } from '../../shared/limits.ts';
import type { Command } from '../../shared/messages.ts';
import type { Row } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { createCredentials } from '../transport/credentials.ts';
import { createDagTransport } from '../transport/dag.ts';
import { createPluginTransport } from '../transport/plugin.ts';
import { createTokenVault } from '../transport/token-vault.ts';
import { SimulatedDevice } from './device.ts';
import { FakeAirflow } from './fake-airflow.ts';
import { SessionAirflow, type Refusal } from './session-airflow.ts';
import { seeded } from './setup.ts';
import { DECLARATIONS } from './site.ts';

type User = 'ana' | 'ben';
export const USERS: readonly User[] = ['ana', 'ben'];
const anybody = fc.constantFrom(...USERS);
/**
 * Actions of people in a shared browser, and changes of their credentials. `user`: the user whose
 * part of the app is open.
 */
export const stepsOf = <U extends User>(user: fc.Arbitrary<U>) => ({
  capture: fc.record({ do: fc.constant('capture' as const), user }),
  drain: fc.record({
    do: fc.constant('drain' as const),
    user,
    loss: fc.constantFrom('request' as const, 'answer' as const, undefined, undefined, undefined),
  }),
  signIn: fc.record({
    do: fc.constant('sign-in' as const),
    user,
    as: fc.oneof({ weight: 2, arbitrary: user }, { weight: 1, arbitrary: anybody }),
    kind: fc.constantFrom('cookie' as const, 'memory' as const, 'sealed' as const),
  }),
  session: fc.record({
    do: fc.constant('session' as const),
    as: fc.option(anybody, { nil: undefined }),
  }),
  revoke: fc.record({
    do: fc.constant('revoke' as const),
    user,
    refusal: fc.constantFrom<Refusal>('token-401', 'token-403'),
  }),
  right: fc.record({ do: fc.constant('right' as const), user, isLacking: fc.boolean() }),
  restart: fc.record({ do: fc.constant('restart' as const), user }),
  signOut: fc.record({
    do: fc.constant('sign-out' as const),
    user,
    unsent: fc.constantFrom('keep' as const, 'discard' as const, 'refuse' as const),
  }),
});
type Steps = ReturnType<typeof stepsOf<User>>;
export type Step = {
  [S in keyof Steps]: Steps[S] extends fc.Arbitrary<infer T> ? T : never;
}[keyof Steps];

/** A browser that two people use, alternately or together. */
export class SharedBrowser {
  readonly airflow = new SessionAirflow(USERS);
  readonly devices: Readonly<Record<User, SimulatedDevice>>;
  /** Changes that each user captured and did not give up. */
  readonly #captured: Record<User, string[]> = { ana: [], ben: [] };
  /** Changes that were given up, with how far each was in Airflow by then. */
  readonly #givenUp: { readonly user: User; readonly id: string; readonly hadArrived: boolean }[] =
    [];
  /**
   * Changes that must not be read before Airflow has answered their user, with the number of
   * answers before.
   */
  readonly #hidden: Record<User, { readonly ids: readonly string[]; readonly answered: number }> = {
    ana: NOTHING_HIDDEN,
    ben: NOTHING_HIDDEN,
  };
  #names = 0;

  constructor(via: TransportName, seed: number) {
    const { http } = this.airflow;
    const random = seeded(seed);
    const randomHex = (): string => `x${++this.#names}`;
    const deviceOf = (of: User): SimulatedDevice =>
      new SimulatedDevice({
        user: of,
        declarations: DECLARATIONS,
        random,
        credentials: (store) =>
          createCredentials({ user: of, http, vault: createTokenVault(store, () => 0), randomHex }),
        transport: (credentials) =>
          via === 'plugin'
            ? createPluginTransport({ user: of, http, credentials, now: () => 0 })
            : createDagTransport({ http, credentials, randomHex, sleep: async () => undefined }),
      });
    this.devices = { ana: deviceOf('ana'), ben: deviceOf('ben') };
    for (const one of USERS) this.devices[one].doesMirrorRest = true;
  }

  /** Does one action. */
  async do(step: Step): Promise<void> {
    switch (step.do) {
      case 'capture':
        return this.#capture(step.user);
      case 'drain':
        if (step.loss) this.airflow.losses.push(step.loss);
        await this.devices[step.user].drain();
        this.airflow.losses.length = 0;
        return;
      case 'sign-in':
        return this.signIn(step.user, step.as, step.kind);
      case 'session':
        this.airflow.session = step.as;
        return;
      case 'revoke':
        this.airflow.refusal = step.refusal;
        this.airflow.revoke(step.user);
        return;
      case 'right':
        this.airflow.forbidden[step.isLacking ? 'add' : 'delete'](step.user);
        return;
      case 'restart':
        this.devices[step.user].stop();
        return;
      case 'sign-out':
        return this.#signOut(step.user, step.unsent);
    }
  }

  /** Signs in with the credentials that the person has at hand, rightly or not. */
  async signIn(of: User, as: User, kind: 'cookie' | 'memory' | 'sealed'): Promise<void> {
    if (kind === 'cookie') this.airflow.session = as;
    await this.devices[of].ask({
      type: 'sign-in',
      credentials: kind === 'cookie' ? { kind } : { kind, token: this.airflow.issue(as) },
    });
  }

  async #capture(of: User): Promise<void> {
    const id = `${of}-${++this.#names}`;
    const result = await this.devices[of].capture('asks', {
      op: 'put',
      value: { id, secret: `of ${of}` },
    });
    if (result instanceof Error) {
      // After a sign-out that left work here, nothing is accepted in the user's name until Airflow
      // has answered the user.
      expect([result.kind, (await this.#statusOf(of)).locked]).toEqual(['signed-out', true]);
      return;
    }
    this.#captured[of].push(id);
  }

  async #signOut(of: User, unsent: 'keep' | 'discard' | 'refuse'): Promise<void> {
    const device = this.devices[of];
    const left = await this.#unsentOf(of);
    const { locked = false } = await this.#statusOf(of);
    try {
      await device.ask({ type: 'sign-out', unsent });
    } catch (error) {
      expect(
        unsent !== 'keep' && left.length > 0 && error instanceof UpdraftError && error.kind,
      ).toBe(locked ? 'signed-out' : 'unsent-work');
      expect(locked || unsent === 'refuse').toBe(true);
      return;
    }
    if (unsent === 'refuse' || (locked && unsent === 'discard')) expect(left).toEqual([]);
    if (unsent === 'keep')
      this.#hidden[of] = { ids: left, answered: this.airflow.answered[of] ?? 0 };
    else {
      device.stop();
      this.#hidden[of] = NOTHING_HIDDEN;
      for (const id of left)
        this.#givenUp.push({ user: of, id, hadArrived: this.#hasArrived(of, id) });
      this.#captured[of] = this.#captured[of].filter((id) => !left.includes(id));
    }
  }

  #statusOf = async (of: User): Promise<Status> =>
    (await this.devices[of].ask({ type: 'status' })) as Status;

  /** Returns everything unsettled, readable or not. */
  async #unsentOf(of: User): Promise<string[]> {
    const { store } = (await this.devices[of].worker()).world;
    return (await store.read((tx) => tx.unsettled())).map(({ id }) => id);
  }
  #hasArrived = (of: User, id: string): boolean =>
    this.airflow.stores[of]?.records.has(id) ?? false;

  /** Nobody's data is told to another, sent as another, or shown before its user is there. */
  async expectPrivacy(): Promise<void> {
    for (const of of USERS) {
      const other = of === 'ana' ? 'ben' : 'ana';
      const told = JSON.stringify(
        await Promise.all(QUESTIONS.map((question) => this.devices[of].ask(question))),
      );
      expect(told).not.toContain(`of ${other}`);
      const { ids, answered } = this.#hidden[of];
      const rows = (await this.devices[of].ask({
        type: 'query',
        collection: 'asks',
        query: {},
      })) as Row[];
      if ((this.airflow.answered[of] ?? 0) === answered)
        expect(rows.map(({ id }) => id).filter((id) => ids.includes(id))).toEqual([]);
      for (const { secret } of this.airflow.stores[of]?.records.values() ?? [])
        expect(secret).toBe(`of ${of}`);
    }
    // The plugin refuses such a request unread (`transport/plugin.ts`); a DAG run would keep the
    // request.
    expect(this.airflow.strayed.filter((stray) => stray.startsWith('dag'))).toEqual([]);
  }

  /**
   * Each user signs in, and everything goes on: captures that were not given up arrive once;
   * captures that were given up never do.
   */
  async expectAllArrives(): Promise<void> {
    this.airflow.forbidden.clear();
    for (const of of USERS) {
      await this.signIn(of, of, 'memory');
      this.devices[of].now += 3_600_000;
      for (let round = 0; round < 5; round++) await this.devices[of].drain();
      expect((await this.devices[of].ask({ type: 'status' })) as Status).toMatchObject({
        unsent: 0,
        auth: 'ok',
      });
      const { records, effects, voided } = this.airflow.stores[of] ?? new FakeAirflow();
      expect(voided, 'nothing was refused as a whole').toBe(0);
      expect(this.#captured[of].filter((id) => !records.has(id))).toEqual([]);
      expect([...effects.values()].every((times) => times === 1)).toBe(true);
      expect(
        new Set([...effects.keys()].map((effect) => effect.split(' ')[1])).size,
        'each record once',
      ).toBe(effects.size);
    }
    for (const { user: of, id, hadArrived } of this.#givenUp)
      expect(this.#hasArrived(of, id), `${id} was given up`).toBe(hadArrived);
  }
}

const NOTHING_HIDDEN = { ids: [], answered: 0 };
const QUESTIONS: readonly Command[] = [
  { type: 'query', collection: 'asks', query: {} },
  { type: 'outbox' },
  { type: 'conflicts' },
  { type: 'export-dead-letters' },
  { type: 'history', filter: {} },
  { type: 'wake', reason: 'visible', log: 'older', cursor: 0 },
];
