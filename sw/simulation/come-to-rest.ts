import type { OutboxEntry } from '../../shared/row.ts';
import { COLLECTIONS, type Simulation } from './setup.ts';
import { resolveAll, retryAll } from './story.ts';

const ROUNDS_MAX = 20;

/** Stops the faults, lets people decide, and lets everyone exchange until nothing is open. */
export async function comeToRest({ devices, store }: Simulation): Promise<void> {
  await store.declare(COLLECTIONS);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    for (const { device, network } of devices) {
      device.stop();
      network.middlebox = undefined;
      await network.deliverDelayed();
      await device.drain();
      await retryAll(device);
      await resolveAll(device, 'mine');
      await device.drain();
    }
    const open = await Promise.all(
      devices.map(async ({ device }) => (await device.ask({ type: 'outbox' })) as OutboxEntry[]),
    );
    if (open.every((entries) => entries.length === 0) && round > 1) return;
  }
  throw new Error(`not at rest after ${ROUNDS_MAX} rounds`);
}
