import { describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import type { TransportName } from '../../shared/limits.ts';
import { createCredentials } from '../transport/credentials.ts';
import { createDagTransport } from '../transport/dag.ts';
import { createPluginTransport } from '../transport/plugin.ts';
import { createTokenVault } from '../transport/token-vault.ts';
import { SimulatedDevice } from './device.ts';
import type { FakeAirflow } from './fake-airflow.ts';
import { BUSY, OF_THE_ANSWER, REFUSALS, RefusingBox, type Box } from './refusing-box.ts';
import { SessionAirflow } from './session-airflow.ts';
import { seeded } from './setup.ts';
import { DECLARATIONS } from './site.ts';

const FORBIDDEN = 'DROP TABLE';
const IDS = ['a', 'bad', 'b', 'c'];
const OTHERS = IDS.filter((id) => id !== 'bad');
/** More drains than halving four records down takes. */
const DRAINS_MAX = 40;

/** A device that has captured four records offline, behind a box that reads the second. */
class BoxedDevice {
  readonly airflow = new SessionAirflow(['ana']);
  readonly way = new RefusingBox(this.airflow, FORBIDDEN);
  readonly device: SimulatedDevice;
  #names = 0;

  constructor(via: TransportName) {
    const { http } = this.way;
    const randomHex = (): string => `x${++this.#names}`;
    this.device = new SimulatedDevice({
      user: 'ana',
      declarations: DECLARATIONS,
      random: seeded(1),
      credentials: (store) =>
        createCredentials({
          user: 'ana',
          http,
          vault: createTokenVault(store, () => 0),
          randomHex,
        }),
      transport: (credentials) =>
        via === 'plugin'
          ? createPluginTransport({ user: 'ana', http, credentials, now: () => 0 })
          : createDagTransport({ http, credentials, randomHex, sleep: async () => undefined }),
    });
    this.device.doesMirrorRest = true;
  }

  static async ready(via: TransportName, box: Box): Promise<BoxedDevice> {
    const boxed = new BoxedDevice(via);
    const { device, airflow, way } = boxed;
    await device.ask({
      type: 'sign-in',
      credentials: { kind: 'memory', token: airflow.issue('ana') },
    });
    await device.drain();
    device.online = false;
    for (const id of IDS) await boxed.capture(id);
    device.online = true;
    way.box = box;
    return boxed;
  }

  capture = (id: string): Promise<unknown> =>
    this.device.capture('asks', {
      op: 'put',
      value: { id, note: id === 'bad' ? `'; ${FORBIDDEN}` : 'fine' },
    });
  status = async (): Promise<Status> => (await this.device.ask({ type: 'status' })) as Status;
  letters = async (): Promise<readonly DeadLetter[]> =>
    (await this.device.ask({ type: 'dead-letters' })) as readonly DeadLetter[];
  get store(): FakeAirflow {
    return this.airflow.stores['ana'] ?? expect.unreachable();
  }

  /** Drains until only `left` changes are unsent, each time a while later. */
  async drainTo(left: number): Promise<void> {
    for (let drains = 0; drains < DRAINS_MAX; drains++) {
      await this.device.drain();
      const { unsent, deadLetters } = await this.status();
      if (unsent === left && deadLetters === left) return;
      this.device.now += 600_000;
    }
  }

  /** Everything arrived, nothing twice. */
  expectStored(ids: readonly string[]): void {
    expect([...this.store.records.keys()].sort()).toEqual([...ids].sort());
    expect([...this.store.effects.values()].every((times) => times === 1)).toBe(true);
    expect(this.store.effects.size).toBe(ids.length);
  }

  /** News still come: exchanges without a batch are answered. */
  async expectPulls(): Promise<void> {
    const before = this.airflow.answered['ana'] ?? 0;
    this.device.now += 3_600_000;
    await this.device.drain();
    expect(this.airflow.answered['ana'] ?? 0).toBeGreaterThan(before);
  }
}

describe.each(['plugin', 'dag'] as const)(
  'fault 52, case A9: by %s a middlebox answers one record with',
  (via) => {
    test.each(REFUSALS)('%s: that record alone is a dead letter', async (_kind, box) => {
      const boxed = await BoxedDevice.ready(via, box);
      await boxed.drainTo(1);
      expect(await boxed.letters()).toMatchObject([{ kind: 'mutation', id: 'bad' }]);
      boxed.expectStored(OTHERS);
      expect(boxed.way.refused).toBeGreaterThan(0);
      await boxed.expectPulls();
      boxed.way.box = undefined;
      await boxed.device.retry({ kind: 'mutation', collection: 'asks', id: 'bad' });
      await boxed.drainTo(0);
      expect(await boxed.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
      boxed.expectStored(IDS);
    });

    test.each(BUSY)('%s: everything waits, and arrives', async (_kind, box) => {
      const boxed = await BoxedDevice.ready(via, box);
      await boxed.drainTo(1);
      expect(await boxed.status()).toMatchObject({ unsent: IDS.length, deadLetters: 0 });
      expect((await boxed.status()).waiting).toBeDefined();
      boxed.expectStored([]);
      boxed.way.box = undefined;
      await boxed.drainTo(0);
      boxed.expectStored(IDS);
      expect(await boxed.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
    });

    test.each(OF_THE_ANSWER)(
      '%s in the place of the answer alone: all arrives',
      async (_kind, box) => {
        const boxed = await BoxedDevice.ready(via, box);
        boxed.way.passesRequest = true;
        await boxed.drainTo(0);
        boxed.expectStored(IDS);
        expect(await boxed.status()).toMatchObject({ unsent: 0, deadLetters: 0 });
      },
    );
  },
);
