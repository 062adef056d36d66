import * as fc from 'fast-check';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { BatchSchema } from '../../shared/batch.ts';
import { UpdraftError } from '../../shared/errors.ts';
import { CommandSchema, type Command } from '../../shared/messages.ts';
import type { OutboxEntry } from '../../shared/row.ts';
import { TABLE_NAMES } from '../store/database.ts';
import { EmptiedError } from '../store/replica-tx.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { busyDevice, type BusyDevice } from './busy-device.ts';
import { rowsOf, writeRow } from './raw-rows.ts';

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
});
/** The place in the row: each step takes one of the existing keys. */
const poisonPath = fc.array(fc.nat(), { minLength: 1, maxLength: 4 });
const poisonValue = fc.oneof(
  anything,
  fc.constantFrom(-1, 2 ** 53, Infinity, Number.NaN, '', '__proto__', null, [], {}, 7n),
);
const poison = fc.record({
  table: fc.constantFrom(...TABLE_NAMES),
  row: fc.nat(),
  path: poisonPath,
  value: poisonValue,
});
type Poison = typeof poison extends fc.Arbitrary<infer P> ? P : never;

/** Everything that a page asks on its own. */
const QUESTIONS: readonly Command[] = [
  { type: 'status' },
  { type: 'hello' },
  { type: 'wake', reason: 'visible', log: 'older', cursor: 0 },
  { type: 'outbox' },
  { type: 'conflicts' },
  { type: 'dead-letters' },
  { type: 'export-dead-letters' },
  { type: 'history', filter: {} },
  { type: 'calls' },
  { type: 'pending-inputs' },
  { type: 'query', collection: 'asks', query: {} },
];

/**
 * Returns the row with the value somewhere inside. The key stays, or another row would be written.
 */
function corrupted(row: object, { path, value }: Pick<Poison, 'path' | 'value'>): object {
  const copy: object = structuredClone(row);
  let at: Record<string, unknown> = copy as Record<string, unknown>;
  for (const [depth, step] of path.entries()) {
    const keys = [...Object.keys(at), 'new'];
    const key = keys[step % keys.length] ?? 'new';
    const next = at[key];
    if (depth === path.length - 1 || typeof next !== 'object' || next === null) at[key] = value;
    else at = next as Record<string, unknown>;
  }
  return copy;
}

/** Opens an emptied replica anew, as the worker does (`replicas/replicas.ts`). */
async function ask({ device }: BusyDevice, command: Command): Promise<unknown> {
  try {
    return await device.ask(command);
  } catch (error) {
    if (!(error instanceof EmptiedError)) throw error;
    device.stop();
    return device.ask(command);
  }
}

test(
  drawn('fault 39: with any stored row overwritten, questions are answered and work goes on'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(poison, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (poisons, isRestarted) => {
          const busy = await busyDevice();
          const { device, sent } = busy;
          if (isRestarted) device.stop();
          for (const each of poisons) {
            const rows = await rowsOf(device.indexedDB, 'ana', each.table);
            const row = rows[each.row % Math.max(1, rows.length)];
            if (row) await writeRow(device.indexedDB, 'ana', each.table, corrupted(row, each));
          }
          sent.length = 0;
          for (const question of QUESTIONS) await ask(busy, question);
          await ask(busy, { type: 'sign-in', credentials: { kind: 'memory', token: 'token' } });
          // Unsent changes of a corrupt batch wait for a person.
          await ask(busy, { type: 'sync' });
          await ask(busy, {
            type: 'capture',
            requestId: 'fresh',
            collection: 'asks',
            change: { op: 'put', value: { id: 'fresh', n: 1 } },
          });
          await (await device.worker()).mirror.flush();
          expect(device.mirrors.at(-1)?.records.map(({ id }) => id)).toContain('fresh');
          for (let round = 0; round < 3; round++) {
            device.now += 3_600_001;
            await ask(busy, { type: 'sync' });
          }
          for (const question of QUESTIONS) await ask(busy, question);
          for (const { batch } of sent)
            if (batch !== undefined) expect(v.is(BatchSchema, JSON.parse(batch))).toBe(true);
          expect(Math.max(...busy.airflow.effects.values())).toBe(1);
          if (poisons.every(({ table }) => !['records', 'deliveries', 'replica'].includes(table)))
            expect([...busy.airflow.records.keys()].sort()).toEqual([
              'changed-again',
              'fresh',
              'pending',
              'sent',
              'settled',
            ]);
          expect(busy.airflow.records.get('fresh')).toEqual({ id: 'fresh', n: 1 });
        },
      ),
      draws(15),
    );
  },
);

const LETTER = { kind: 'mutation', collection: 'asks', id: 'refused' } as const;
const INPUT = {
  dagId: 'report',
  runId: 'run',
  taskId: 'approve',
  mapIndex: -1,
  taskInstanceId: 'ti',
  tryNumber: 1,
  createdAt: 'then',
  options: ['Yes'],
};
/** Requests of a page that change something, each done under a new name. */
const WISHES: readonly Command[] = [
  ...QUESTIONS,
  {
    type: 'capture',
    requestId: '',
    collection: 'asks',
    change: { op: 'put', value: { id: 'put', n: 1 } },
  },
  {
    type: 'capture',
    requestId: '',
    collection: 'asks',
    change: { op: 'add', value: { id: 'add', n: 1 } },
  },
  {
    type: 'capture',
    requestId: '',
    collection: 'asks',
    change: { op: 'patch', id: 'pending', set: { n: 2 }, removed: ['a'] },
  },
  {
    type: 'capture',
    requestId: '',
    collection: 'asks',
    change: { op: 'increment', id: 'changed-again', by: { n: 1 } },
  },
  { type: 'capture', requestId: '', collection: 'asks', change: { op: 'delete', id: 'settled' } },
  { type: 'get', collection: 'asks', id: 'settled' },
  {
    type: 'query',
    collection: 'asks',
    query: { index: 'n', equals: 1, order: 'descending', limit: 3 },
  },
  { type: 'query', collection: 'asks', query: { index: 'n', from: 0, to: 9 } },
  { type: 'history', filter: { kinds: ['attempt'], since: 0, limit: 5 } },
  {
    type: 'resolve',
    requestId: '',
    conflictId: 'c1',
    theirsRevision: 1,
    choices: { n: { value: 7 } },
  },
  { type: 'discard', requestId: '', collection: 'asks', id: 'pending' },
  { type: 'retry', requestId: '', letter: LETTER, set: { n: 3 }, removed: [] },
  {
    type: 'call',
    requestId: '',
    request: { operation: 'triggerDagRun', dagId: 'report', conf: { n: 1 } },
  },
  {
    type: 'call',
    requestId: '',
    request: { operation: 'respondToHumanInput', input: INPUT, chosen: ['Yes'] },
  },
  { type: 'retry-call', requestId: '', id: 'none' },
  { type: 'discard-call', requestId: '', id: 'none' },
  { type: 'news', epoch: 'e1', revision: 3 },
];
const wish = fc.record({ wish: fc.nat(), path: poisonPath, value: poisonValue });

test(
  drawn('fault 39: any request of a page is done or refused in words, and work goes on'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { minLength: 5, maxLength: 25 }), async (wishes) => {
        const busy = await busyDevice();
        for (const [at, each] of wishes.entries()) {
          const command = v.safeParse(
            CommandSchema,
            corrupted({ ...WISHES[each.wish % WISHES.length], requestId: `q${at}` }, each),
          );
          // The worker reads no other (`replicas/page-requests.ts`).
          if (command.success) await ask(busy, command.output).catch(wordsOnly);
        }
        await ask(busy, {
          type: 'capture',
          requestId: 'fresh',
          collection: 'asks',
          change: { op: 'put', value: { id: 'fresh', n: 1 } },
        });
        for (let round = 0; round < 3; round++) await ask(busy, { type: 'sync' });
        for (const question of QUESTIONS) await ask(busy, question);
        expect(Math.max(...busy.airflow.effects.values())).toBe(1);
        expect(busy.airflow.records.get('fresh')).toEqual({ id: 'fresh', n: 1 });
        const left = (await busy.device.ask({ type: 'outbox' })) as OutboxEntry[];
        expect(left.filter(({ state }) => state !== 'conflict' && state !== 'rejected')).toEqual(
          [],
        );
      }),
      draws(10),
    );
  },
);

/** The refusal of a page's request is no failure of the storage. */
function wordsOnly(error: unknown): void {
  if (!(error instanceof UpdraftError) || error.kind.startsWith('storage')) throw error;
}
