import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { hashBatch } from '../../shared/batch.ts';
import { UpdraftError } from '../../shared/errors.ts';
import type { ExchangeRequest, ExchangeResponse } from '../../shared/exchange.ts';
import { jsonBytes, jsonEquals, type Doc, type Json } from '../../shared/json.ts';
import { RECORD_BYTES_MAX } from '../../shared/limits.ts';
import type { ChangeCommand } from '../../shared/messages.ts';
import { changeToNet, idOf } from '../record/change-to-net.ts';
import { DRAWS_TIMEOUT_MS, drawn, draws } from '../testing/test-draws.ts';
import { StoreServer, type SimulatedStore } from './store-server.ts';
import { arrived } from '../record/arrived.ts';

const server = new StoreServer();
afterAll(() => server.close());
const COLLECTION = 'anything';
const DOCS_A_RUN = 100;
/** UPDRAFT_DOCUMENTS: documents each way; 1,000 in `npm test`. */
const DOCS = process.env['UPDRAFT_DOCUMENTS'];
const drawing = {
  ...draws(10),
  ...(DOCS === undefined ? {} : { numRuns: Math.ceil(Number(DOCS) / DOCS_A_RUN) }),
};
/** A run takes some tenths of a second, several beside busy cores. */
const TIMEOUT_MS = Math.max(DRAWS_TIMEOUT_MS * 4, (drawing.numRuns ?? 0) * 5_000);

/** JSON texts, not values: parsing loses the form of a number that somebody else may write. */
const number = fc.oneof(
  fc.maxSafeInteger().map(String),
  fc.bigInt(-(2n ** 70n), 2n ** 70n).map((n) => JSON.stringify(Number(n))),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(JSON.stringify),
  fc
    .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: -330, max: 330 }))
    .map(([n, e]) => `${n}.5e${e}`),
  fc.constantFrom(
    '9007199254740991',
    '9007199254740992',
    '-9007199254740993',
    '1e20',
    '-0.0',
    '1.0',
    '1e21',
    '999999999999999900000',
    '1e400',
    '5e-324',
  ),
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ maxLength: 8 }),
  fc.constantFrom(
    '',
    '\u0000',
    '\ud800',
    '\udc00x',
    '😀',
    '\\',
    '"',
    '\u2028',
    '__proto__',
    'constructor',
    'x'.repeat(400),
    'é'.repeat(201),
  ),
);
const key = text.map((name) => JSON.stringify(name));
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(number, key, fc.constantFrom('true', 'false', 'null', '[]', '{}')),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 3 })
      .map((entries) => `{${entries.map(([name, item]) => `${name}:${item}`).join(',')}}`),
    fc
      .tuple(fc.integer({ min: 28, max: 33 }), fc.constantFrom('1', '[]', '{}', '"x"'))
      .map(([depth, leaf]) => `${'['.repeat(depth)}${leaf}${']'.repeat(depth)}`),
    fc
      .tuple(fc.integer({ min: 1, max: 9_000 }), number)
      .map(
        ([times, item]) =>
          `[${Array.from({ length: times % 97 === 0 ? times : 3 }, () => item).join(',')}]`,
      ),
  ),
}));
const record = fc
  .tuple(
    fc.oneof({ weight: 20, arbitrary: fc.constant('') }, { weight: 1, arbitrary: text }),
    fc.array(fc.tuple(key, value), { maxLength: 3 }),
  )
  .map(([id, fields]) => ({ id, fields: fields.filter(([name]) => name !== '"id"') }));

/** Returns the drawn records as JSON texts, each with a distinct id. */
const textsOf = (records: readonly { id: string; fields: [string, string][] }[]): string[] =>
  records.map(
    ({ id, fields }, at) =>
      `{"id":${JSON.stringify(`${at}${id}`)}` +
      `${fields.map(([name, item]) => `,${name}:${item}`).join('')}}`,
  );

function refusalOf(change: ChangeCommand, view: Doc | null): string | undefined {
  try {
    changeToNet(change, idOf(change), view);
    return undefined;
  } catch (error) {
    if (error instanceof UpdraftError) return `${error.kind}: ${error.message}`;
    throw error;
  }
}

/** An exchange of a new device. */
function request(part: Partial<ExchangeRequest>): ExchangeRequest {
  return {
    protocol: 1,
    replicaId: 'r',
    user: 'ana',
    epoch: 'e1',
    last: null,
    since: 0,
    floor: 0,
    limit: 5_000,
    ...part,
  };
}

async function sendAll(store: SimulatedStore, docs: readonly Doc[]): Promise<ExchangeResponse> {
  const mutations = docs.map(({ id, ...set }, at) => ({
    collection: COLLECTION,
    id,
    firstSeq: at,
    lastSeq: at,
    baseRevision: 0,
    op: 'create',
    set,
  }));
  const batch = JSON.stringify({ number: 1, nonce: 'n', mutations });
  await store.exchange('ana', request({ epoch: null }));
  return (await store.exchange(
    'ana',
    request({ batch, hash: await hashBatch(batch) }),
  )) as ExchangeResponse;
}

/** The pages that a new device reads. */
async function readAll(store: SimulatedStore): Promise<ExchangeResponse['changes']> {
  const changes: ExchangeResponse['changes'] = [];
  for (let since = 0; ;) {
    const page = (await store.exchange(
      'ana',
      request({ replicaId: 'reader', epoch: since === 0 ? null : 'e1', since, floor: since }),
    )) as ExchangeResponse;
    changes.push(...page.changes);
    if (!page.more) return changes;
    since = page.upTo ?? since;
  }
}

const runs = fc.array(record, { minLength: DOCS_A_RUN, maxLength: DOCS_A_RUN });

test(
  drawn('cases A2, A11, A12: provider and device accept and refuse equal records'),
  async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (records) => {
        const store = await server.open({ [COLLECTION]: { schema: {} } });
        const texts = textsOf(records);
        const refusals = await store.judge(COLLECTION, texts);
        const docs = texts.map((each) => JSON.parse(each) as Doc);
        docs.forEach((doc, at) => {
          expect(
            [refusals[at] !== null, texts[at]],
            `${refusals[at]} / ${refusalOf({ op: 'put', value: doc }, null)}`,
          ).toEqual([refusalOf({ op: 'put', value: doc }, null) !== undefined, texts[at]]);
        });
        const byId = new Map(
          docs.filter((_doc, at) => refusals[at] === null).map((doc) => [doc.id, doc]),
        );
        const changes = await readAll(store);
        expect(changes).toHaveLength(byId.size);
        for (const change of changes) {
          const doc = arrived('record' in change ? change.record : undefined, change.id);
          expect(doc && jsonEquals(doc, byId.get(change.id) as unknown as Json), change.id).toBe(
            true,
          );
          const room = RECORD_BYTES_MAX - jsonBytes(doc);
          if (doc && room > 20)
            expect(
              refusalOf({ op: 'patch', id: change.id, set: { edited: 1 }, removed: [] }, doc),
            ).toBeUndefined();
        }
        await store.close();
      }),
      drawing,
    );
  },
  TIMEOUT_MS,
);

test(
  drawn('cases A2, A11, A12: the provider calls no capture malformed or too large'),
  async () => {
    await fc.assert(
      fc.asyncProperty(runs, async (records) => {
        const store = await server.open({ [COLLECTION]: { schema: {} } });
        const captured = textsOf(records)
          .map((each) => JSON.parse(each) as Doc)
          .filter((doc) => refusalOf({ op: 'put', value: doc }, null) === undefined);
        let bytes = 0;
        const fitting = captured.filter((doc) => (bytes += jsonBytes(doc) + 200) < 400_000);
        const { verdicts = [] } = await sendAll(store, fitting);
        expect(verdicts.filter(({ verdict }) => verdict !== 'applied')).toEqual([]);
        expect(verdicts).toHaveLength(fitting.length);
        await store.close();
      }),
      drawing,
    );
  },
  TIMEOUT_MS,
);
