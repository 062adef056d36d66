import type { WakeUpQueue } from './wake-up-queue.ts';

/** Makes the wake-up list agree with the replica after a killed worker or a deleted database. */
export async function reconcileQueue(
  queue: WakeUpQueue,
  lane: string,
  deliveryIds: readonly string[],
  register: () => Promise<unknown> = queue.register,
): Promise<void> {
  // Registered first: the browser's wake-up needs no rows.
  if (deliveryIds.length > 0) await register();
  const rows = await queue.peek(lane);
  const seen = new Set<string>();
  for (const row of rows) {
    if (!deliveryIds.includes(row.deliveryId) || seen.has(row.deliveryId)) await queue.remove(row);
    seen.add(row.deliveryId);
  }
  const missing = deliveryIds.filter((deliveryId) => !seen.has(deliveryId));
  for (const deliveryId of missing) await queue.push(deliveryId, lane);
}
