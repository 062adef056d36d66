import { expect } from 'vitest';
import { readCollections } from '../../shared/collections.ts';
import type { Effect, Transport } from '../transport/transport.ts';
import { SimulatedDevice } from './device.ts';
import { FakeAirflow } from './fake-airflow.ts';
import { seeded } from './setup.ts';

export const DECLARATIONS = readCollections({ version: 1, collections: { asks: { schema: {} } } });

/**
 * The fate of one exchange. `busyFor`: Airflow does nothing and asks not to be called for this many
 * ms.
 */
export type Way =
  | 'through'
  | 'request-lost'
  | 'response-lost'
  | 'busy'
  | { readonly busyFor: number };

/** A device and its Airflow, with a network between that a test can harm. */
export class Site {
  readonly airflow = new FakeAirflow();
  /** Fates of the next exchanges; afterwards all go through. */
  readonly ways: Way[] = [];
  /** Times of all requests to Airflow, in ms since 1970 by the device's clock. */
  readonly asked: number[] = [];
  readonly device: SimulatedDevice;
  #captured = 0;

  constructor(seed = 1, transport?: Transport) {
    const ours: Transport = {
      carriesPrivate: true,
      exchange: async ({ request }) => this.#exchange(() => this.airflow.exchange(request)),
    };
    this.device = new SimulatedDevice({
      user: 'ana',
      declarations: DECLARATIONS,
      transport: transport ?? ours,
      random: seeded(seed),
    });
  }

  /** A signed-in device that has had its first pull. */
  static async ready(seed = 1): Promise<Site> {
    const site = new Site(seed);
    await site.device.signIn();
    await site.device.drain();
    return site;
  }

  /** A new record, or an edit of a record. */
  capture = async (id = `r${this.#captured}`): Promise<void> => {
    const result = await this.device.capture('asks', {
      op: 'put',
      value: { id, n: ++this.#captured },
    });
    if (result instanceof Error) throw result;
  };

  /** Drains until nothing is left, as the next workers would. */
  async comeToRest(): Promise<void> {
    this.ways.length = 0;
    this.device.online = true;
    for (let round = 0; round < 5; round++) await this.device.drain();
  }

  /**
   * Every change arrived, none took effect twice, and both sides agree: nothing is unsettled, and
   * each record equals Airflow's.
   */
  async expectExactlyOnce(): Promise<void> {
    const { airflow, device } = this;
    expect([...airflow.effects.values()].every((times) => times === 1)).toBe(true);
    const ids = [...airflow.records.keys()];
    const { store } = (await device.worker()).world;
    const records = await store.read((tx) =>
      tx.recordsOf(
        ids.map((id) => ['asks', id]),
        0,
      ),
    );
    expect(new Map(records.map(({ id, value }) => [id, value]))).toEqual(airflow.records);
    expect(await device.ask({ type: 'status' })).toMatchObject({
      unsent: 0,
      conflicts: 0,
      deadLetters: 0,
    });
    // A query of many takes this IndexedDB minutes.
    if (ids.length < 1_000)
      expect((await device.rows('asks')).map(({ id, state }) => `${id} ${state}`).sort()).toEqual(
        ids.map((id) => `${id} synced`).sort(),
      );
    expect(device.wakeUps).toEqual([]);
  }

  #exchange(answer: () => ReturnType<FakeAirflow['exchange']>): Effect {
    this.asked.push(this.device.now);
    const way = this.ways.shift() ?? 'through';
    if (way === 'request-lost') return { kind: 'retry', for: 'network' };
    if (way === 'busy') return { kind: 'retry', for: 'airflow' };
    if (typeof way === 'object')
      return { kind: 'retry', for: 'airflow', retryAfterMs: way.busyFor };
    const response = answer();
    return way === 'response-lost'
      ? { kind: 'retry', for: 'network' }
      : { kind: 'settle', response, via: 'plugin' };
  }
}
