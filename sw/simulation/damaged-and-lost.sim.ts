import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../../shared/messages.ts';
import type { DeadLetter } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { busyDevice } from './busy-device.ts';
import type { SimulatedDevice } from './device.ts';
import { rowsOf, writeRow } from './raw-rows.ts';

const damage = fc.record({
  table: fc.constantFrom('records', 'calls'),
  row: fc.nat(),
  key: fc.nat(),
  value: fc.anything({ withBigInt: true, withDate: true, withMap: true }),
});
/** Questions that read every row of both tables. */
const QUESTIONS: readonly Command[] = [
  { type: 'query', collection: 'asks', query: {} },
  { type: 'outbox' },
  { type: 'calls' },
];
const PRIMARY_KEYS = ['collection', 'id'];

test(
  drawn('fault 74: rows damaged anywhere, then the database lost: nothing unsent is missing'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    let damagedLetters = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (damages, isMet) => {
          const { device } = await busyDevice();
          for (const { table, row, key, value } of damages) {
            const rows = await rowsOf(device.indexedDB, 'ana', table);
            const found = rows[row % rows.length] ?? {};
            const keys = Object.keys(found).filter((name) => !PRIMARY_KEYS.includes(name));
            const name = keys[key % keys.length] ?? 'new';
            await writeRow(device.indexedDB, 'ana', table, { ...found, [name]: value });
          }
          if (isMet) for (const question of QUESTIONS) await device.ask(question);
          // Any write has the mirror written, which meets the damaged rows, too.
          await device.capture('asks', { op: 'put', value: { id: 'fresh', n: 1 } });
          await (await device.worker()).mirror.flush();
          for (const question of QUESTIONS) await device.ask(question);
          await (await device.worker()).mirror.flush();
          const before = await held(device);
          device.loseDatabase();
          expect(await held(device)).toEqual(before);
          damagedLetters += before.damaged.length;
        },
      ),
      draws(20),
    );
    expect(damagedLetters).toBeGreaterThan(0);
  },
);

/** Work on the device that Airflow does not, or may not, have. */
async function held(device: SimulatedDevice): Promise<{ unsent: number; damaged: unknown[] }> {
  const letters = (await device.ask({ type: 'dead-letters' })) as readonly DeadLetter[];
  const { unsent, pendingCalls } = (await device.ask({ type: 'status' })) as Status;
  return {
    unsent: unsent + pendingCalls,
    damaged: letters
      .filter(({ reason }) => reason.kind === 'damaged')
      .map(({ kind, id }) => `${kind} ${id}`),
  };
}
