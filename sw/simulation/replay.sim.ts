import { afterAll, describe, expect, test } from 'vitest';
import { simulate, storeRecords } from './setup.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());

describe('one device', () => {
  test('what was captured before the first contact arrives with it', async () => {
    const { store, devices } = await simulate(server, 1);
    const { device } = devices[0]!;
    await device.capture('asks', { op: 'put', value: { id: 'x', a: 1 } });
    await device.drain();
    expect(await storeRecords(store, 'asks')).toEqual({ x: { id: 'x', a: 1 } });
    expect(await device.rows('asks')).toMatchObject([{ id: 'x', state: 'synced', revision: 1 }]);
    expect(device.wakeUps).toEqual([]);
  });
});
