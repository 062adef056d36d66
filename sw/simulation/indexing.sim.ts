import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCollections, type Declarations } from '../../shared/collections.ts';
import type { Json } from '../../shared/json.ts';
import type { Row } from '../../shared/row.ts';
import type { OpenReplica } from '../open-replica.ts';
import { absent, type ReplicaRecord } from '../record/record.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { TestReplica } from '../testing/test-replica.ts';

const FIELDS = ['a', 'b'] as const;
/** Enough rows for several slices. */
const MANY = 600;

const values = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, -0, 1, '1', '', 'x', [1], { x: 1 }),
  fc.constant(undefined),
);
const indexes = fc.subarray([...FIELDS]);
const steps = fc.oneof(
  fc.record({ do: fc.constant('put' as const), id: fc.nat({ max: 9 }), a: values, b: values }),
  fc.record({ do: fc.constant('delete' as const), id: fc.nat({ max: 9 }) }),
  fc.record({ do: fc.constant('deploy' as const), indexes, waits: fc.boolean() }),
  fc.record({ do: fc.constant('declare' as const), indexes }),
  fc.record({ do: fc.constant('kill' as const) }),
  fc.record({ do: fc.constant('late' as const), id: fc.nat({ max: 9 }), a: values }),
  fc.record({ do: fc.constant('ask' as const) }),
);
type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never;

const declaring = (fields: readonly string[]): Declarations =>
  readCollections({ version: 1, collections: { asks: { schema: {}, indexes: fields } } });

function record(id: string, fields: Record<string, Json | undefined>): ReplicaRecord {
  const doc = {
    id,
    ...Object.fromEntries(
      Object.entries(fields).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as const],
      ),
    ),
  };
  return { ...absent('asks', id, 1), base: doc, value: doc, revision: 1 };
}
const hasOrder = (value: unknown): boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

/** Workers of an app with different declarations, in sequence and concurrently. */
class Story {
  readonly #device = new TestReplica();
  #before: OpenReplica | undefined;

  constructor() {
    this.#device.declarations = declaring([]);
  }

  async step(step: Step): Promise<void> {
    const device = this.#device;
    switch (step.do) {
      case 'put':
        return this.#write(await device.open(), record(`r${step.id}`, { a: step.a, b: step.b }));
      case 'delete':
        return this.#write(await device.open(), {
          ...absent('asks', `r${step.id}`, 1),
          revision: 2,
        });
      case 'deploy':
        this.#before = await device.open();
        if (step.waits) await this.#before.indexing.finished();
        device.forget();
        device.declarations = declaring(step.indexes);
        return void (await device.open());
      case 'declare':
        device.declarations = declaring(step.indexes);
        return (await device.open()).declare(device.declarations);
      case 'kill':
        (await device.open()).indexing.close();
        return device.forget();
      case 'late':
        if (this.#before) await this.#write(this.#before, record(`r${step.id}`, { a: step.a }));
        return;
      default:
        return this.check();
    }
  }

  async fill(): Promise<void> {
    const rows = Array.from({ length: MANY }, (_, at) =>
      record(`many${at}`, { a: at % 5, ...(at % 3 === 0 ? { b: 'x' } : {}) }),
    );
    await (await this.#device.open()).world.store.write((tx) => tx.putRecords(rows));
  }

  async #write(replica: OpenReplica, row: ReplicaRecord): Promise<void> {
    await replica.world.store.write((tx) => tx.putRecords([row]));
  }

  /**
   * Each index returns all rows, and none twice: rows with the field by their values, the others as
   * missing.
   */
  async check(): Promise<void> {
    const ask = async (query: Record<string, unknown>): Promise<readonly Row[]> =>
      this.#device.ask({ type: 'query', collection: 'asks', query: { ...query, limit: 10_000 } });
    const all = await ask({});
    for (const field of this.#device.declarations['asks']?.indexes ?? []) {
      const valueOf = ({ value }: Row): unknown => (value as Record<string, unknown>)[field];
      const idsOf = (rows: readonly Row[]): string[] => rows.map(({ id }) => id).sort();
      expect(idsOf(await ask({ index: field })), field).toEqual(
        idsOf(all.filter((row) => hasOrder(valueOf(row)))),
      );
      expect(idsOf(await ask({ index: field, missing: true })), `${field} missing`).toEqual(
        idsOf(all.filter((row) => !hasOrder(valueOf(row)))),
      );
      expect(idsOf(await ask({ index: field, equals: 1 })), `${field} is 1`).toEqual(
        idsOf(all.filter((row) => valueOf(row) === 1)),
      );
    }
  }
}

test(
  drawn('fault 58: an index holds all rows, under any declarations and writers (case A14)'),
  { timeout: DRAWS_TIMEOUT_MS },
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 3, maxLength: 14 }),
        fc.integer({ min: 0, max: 9 }),
        async (story, of10) => {
          const told = new Story();
          if (of10 === 0) await told.fill();
          for (const step of story) await told.step(step);
          await told.check();
        },
      ),
      draws(25),
    );
  },
);
