import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { whyAgainst } from '../declarations/why-against.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { drawnDocs, drawnSchema } from './drawn-schemas.ts';
import { StoreServer } from './store-server.ts';

const server = new StoreServer();
afterAll(() => server.close());
const COLLECTION = 'anything';
/** UPDRAFT_SCHEMAS: schemas, five records each; 300 in `npm test`. */
const SCHEMAS = process.env['UPDRAFT_SCHEMAS'];
const drawing = {
  ...draws(300),
  ...(SCHEMAS === undefined ? {} : { numRuns: Number(SCHEMAS) }),
};
const TIMEOUT_MS = Math.max(DRAWS_TIMEOUT_MS * 4, (drawing.numRuns ?? 0) * 200);

test(
  drawn(
    'fault 82: what the device refuses by a schema, the provider refuses; what it takes, is taken',
  ),
  async () => {
    const seen = { refused: 0, taken: 0 };
    await fc.assert(
      fc.asyncProperty(drawnSchema, drawnDocs, async (schema, fields) => {
        const docs = fields.map((each, at) => ({ ...each, id: `r${at}` }));
        const here = docs.map((doc) => whyAgainst(schema, doc)?.kind ?? null);
        const store = await server.open({ [COLLECTION]: { schema } });
        const there = await store.judge(
          COLLECTION,
          docs.map((doc) => JSON.stringify(doc)),
        );
        await store.close();
        docs.forEach((doc, at) => {
          seen[here[at] ? 'refused' : 'taken']++;
          expect(here[at] !== null, `${JSON.stringify(doc)}: ${there[at] ?? 'taken'}`).toBe(
            there[at] !== null,
          );
        });
      }),
      drawing,
    );
    // Both answers are met often, or the property shows little.
    const total = seen.refused + seen.taken;
    expect(Math.min(seen.refused, seen.taken) / total).toBeGreaterThan(0.1);
  },
  TIMEOUT_MS,
);
