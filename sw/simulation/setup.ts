import { readCollections } from '../../shared/collections.ts';
import type { ResolverByCollection } from '../declarations/resolvers.ts';
import { SimulatedDevice } from './device.ts';
import { SimulatedNetwork } from './network.ts';
import type { SimulatedStore, StoreServer } from './store-server.ts';

const SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    a: {},
    b: {},
    n: { type: 'number' },
    t: { type: 'array', items: { type: ['string', 'number', 'boolean', 'null'] } },
    valid: { const: true },
  },
  required: ['id'],
  additionalProperties: false,
};
export const COLLECTIONS = {
  asks: { schema: SCHEMA, onConflict: 'ask', indexes: ['a'] },
  clients: { schema: SCHEMA, onConflict: 'client-wins' },
  servers: { schema: SCHEMA, onConflict: 'server-wins' },
};
/** The devices' schema is older, without the rule about `valid`, which the store alone checks. */
const OLDER = { ...SCHEMA, properties: { ...SCHEMA.properties, valid: {} } };
export const DECLARATIONS = readCollections({
  version: 1,
  collections: Object.fromEntries(
    Object.entries(COLLECTIONS).map(([name, body]) => [name, { ...body, schema: OLDER }]),
  ),
});

/** mulberry32 (Tommy Ettinger, public domain): small, seeded, good enough for names and jitter. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A store and signed-in devices of one user. */
export interface Simulation {
  readonly store: SimulatedStore;
  readonly devices: readonly {
    readonly device: SimulatedDevice;
    readonly network: SimulatedNetwork;
  }[];
}

export async function simulate(
  server: StoreServer,
  count: number,
  seed = 1,
  resolvers: ResolverByCollection = {},
): Promise<Simulation> {
  const store = await server.open(COLLECTIONS);
  const random = seeded(seed);
  const devices = Array.from({ length: count }, () => {
    const network = new SimulatedNetwork(store, 'ana');
    return {
      network,
      device: new SimulatedDevice({
        user: 'ana',
        declarations: DECLARATIONS,
        transport: network.transport,
        random,
        resolvers,
      }),
    };
  });
  for (const { device } of devices) await device.signIn();
  return { store, devices };
}

/** Returns the live records of the store, by id. */
export async function storeRecords(
  store: SimulatedStore,
  collection: string,
): Promise<Record<string, unknown>> {
  const rows = (await store.rows()).filter((row) => row.collection === collection && !row.deleted);
  return Object.fromEntries(rows.map((row) => [row.id, { ...row.fields, id: row.id }]));
}
