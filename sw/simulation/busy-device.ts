import { readCollections } from '../../shared/collections.ts';
import type { ExchangeRequest } from '../../shared/exchange.ts';
import type { ReplicaRecord } from '../record/record.ts';
import { SIGNED_IN } from '../calls/calls-device.ts';
import { TestAirflow } from '../testing/test-airflow.ts';
import { createAirflowApi } from '../calls/airflow-session.ts';
import type { Effect, Transport } from '../transport/transport.ts';
import { SimulatedDevice } from './device.ts';
import { FakeAirflow } from './fake-airflow.ts';
import { seeded } from './setup.ts';

const DECLARATIONS = readCollections({
  version: 1,
  collections: { asks: { schema: {}, indexes: ['n'] } },
});

export interface BusyDevice {
  readonly device: SimulatedDevice;
  readonly airflow: FakeAirflow;
  /** Requests to the exchange, in order. */
  readonly sent: ExchangeRequest[];
}

const base = { id: '', n: 0 };
const edit = {
  net: { kind: 'edit' as const, set: { n: 1 }, removed: [], inc: {} },
  firstSeq: 1,
  lastSeq: 1,
};
const recordWith = (id: string, part: Partial<ReplicaRecord>): ReplicaRecord => ({
  collection: 'asks',
  id,
  base: { ...base, id },
  value: { ...base, id, n: 1 },
  revision: 1,
  generation: 1,
  pending: edit,
  ...part,
});

/**
 * A device with something in each of its tables: records settled, in flight, changed again, in
 * conflict and refused; calls in each state.
 */
export async function busyDevice(): Promise<BusyDevice> {
  const airflow = new FakeAirflow();
  const sent: ExchangeRequest[] = [];
  const way = { isLost: false };
  const transport: Transport = {
    carriesPrivate: true,
    exchange: async ({ request }): Promise<Effect> => {
      sent.push(request);
      const response = airflow.exchange(request);
      return way.isLost
        ? { kind: 'retry', for: 'network' }
        : { kind: 'settle', response, via: 'plugin' };
    },
  };
  const api = new TestAirflow();
  api.addDag('report');
  const calls = {
    allowed: { triggerDagRun: true as const },
    api: createAirflowApi({ http: api.http, credentials: SIGNED_IN }),
  };
  const device = new SimulatedDevice({
    user: 'ana',
    declarations: DECLARATIONS,
    transport,
    random: seeded(1),
    calls,
  });
  device.doesMirrorRest = true;
  const trigger = (dagId: string): Promise<unknown> =>
    device.ask({
      type: 'call',
      requestId: `call ${dagId}`,
      request: { operation: 'triggerDagRun', dagId },
    });
  await device.signIn();
  await device.drain();
  await device.capture('asks', { op: 'put', value: { id: 'settled', n: 0 } });
  await trigger('report');
  await device.drain();
  way.isLost = true;
  for (const id of ['sent', 'changed-again'])
    await device.capture('asks', { op: 'put', value: { id, n: 0 } });
  await device.drain();
  await device.capture('asks', { op: 'increment', id: 'changed-again', by: { n: 1 } });
  await device.capture('asks', { op: 'put', value: { id: 'pending', n: 0 } });
  await trigger('missing');
  await (
    await device.worker()
  ).world.store.write((tx) =>
    tx.putRecords([
      recordWith('conflict', {
        mark: {
          conflictId: 'c1',
          reason: 'edited',
          fields: ['n'],
          base: { ...base, id: 'conflict' },
        },
      }),
      recordWith('refused', { rejection: { reason: { kind: 'schema', message: 'no' }, at: 1 } }),
    ]),
  );
  await device.drain();
  await (await device.worker()).mirror.flush();
  way.isLost = false;
  return { device, airflow, sent };
}
