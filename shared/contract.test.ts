import { readdirSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { BatchSchema, hashBatch } from './batch.ts';
import { readCollections } from './collections.ts';
import { ExchangeRequestSchema, ExchangeResponseSchema } from './exchange.ts';
import { randomHex, newId } from './ids.ts';
import * as limits from './limits.ts';
import { PROTOCOL_FLOOR, PROTOCOL_VERSION } from './protocol-version.ts';

const FOLDER = new URL('contract/', import.meta.url);
/** Refusals without a proof of the store's state. */
const UNPROVEN = ['fork', 'invalid', 'user_mismatch'];
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));

/** An exchange of a golden story, as far as used by this test. */
interface Step {
  readonly request?: {
    readonly batch?: unknown;
    readonly hash?: string;
    readonly proof?: string | number;
  };
  readonly expect?: {
    readonly refused?: string;
    readonly echo: object;
    readonly verdicts?: readonly { readonly reason?: object }[];
    readonly reason?: object;
  };
}
const stories = readdirSync(FOLDER)
  .filter((file) => file.startsWith('exchange-'))
  .map((file) => ({
    file,
    ...(read(file) as { collections: unknown; proofs?: boolean; steps: readonly Step[] }),
  }));

/** Stories with mutations that this worker would never send. */
const HOLDING_POISON = [
  'exchange-malformed-mutation-rejected-alone.json',
  'exchange-refusal-tells-the-record.json',
];

/**
 * Returns the request as the runner puts the request on the wire: the batch as a string, with the
 * hash; a proof named by a step is replaced by that step's proof.
 */
async function toWire({ proof, ...asked }: NonNullable<Step['request']>): Promise<object> {
  const request = proof === undefined ? asked : { ...asked, proof: String(proof) };
  if (request.batch === undefined) return request;
  const batch = typeof request.batch === 'string' ? request.batch : JSON.stringify(request.batch);
  return { hash: await hashBatch(batch), ...request, batch };
}

/**
 * Returns the whole response that a story expects, with defaults for everything the story leaves
 * open.
 */
function whole(
  expected: NonNullable<Step['expect']>,
  hash: string | undefined,
  proofs: boolean,
): unknown {
  const withMessage = <T extends { readonly reason?: object }>(part: T): T =>
    part.reason ? { ...part, reason: { message: 'why', ...part.reason } } : part;
  return withMessage({
    ...expected,
    ...(proofs && !UNPROVEN.includes(expected.refused ?? '') ? { proof: '3.1.2.0a.mac' } : {}),
    echo: { hash: hash ?? null, ...expected.echo },
    ...(expected.verdicts ? { verdicts: expected.verdicts.map(withMessage) } : {}),
  });
}

test('there are golden stories', () => {
  expect(stories.length).toBeGreaterThanOrEqual(40);
});

describe.each(stories)('$file', ({ file, collections, proofs = false, steps }) => {
  const exchanges = steps.flatMap(({ request, expect: expected }, number) =>
    request && expected ? [{ number, request, expected }] : [],
  );

  test('both sides read its collections alike', () => {
    expect(Object.keys(readCollections({ version: 1, collections }))).toEqual(
      Object.keys(collections as object),
    );
  });

  test('every well-formed request parses, its batch too', async () => {
    for (const { number, request, expected } of exchanges) {
      // Stories about malformed requests hold requests the worker would never send.
      if (expected.refused === 'invalid' && file === 'exchange-malformed-requests.json') continue;
      const wire = await toWire(request);
      expect(v.safeParse(ExchangeRequestSchema, wire).issues, `step ${number}`).toBeUndefined();
      if (!('batch' in wire) || HOLDING_POISON.includes(file)) continue;
      expect(
        v.safeParse(v.pipe(v.string(), v.parseJson(), BatchSchema), wire.batch).issues,
        `step ${number}`,
      ).toBeUndefined();
    }
  });

  test('every response of the provider is read by the worker', async () => {
    for (const { number, request, expected } of exchanges) {
      const { hash } = (await toWire(request)) as { hash?: string };
      const result = v.safeParse(ExchangeResponseSchema, whole(expected, hash, proofs));
      expect(result.issues, `step ${number}`).toBeUndefined();
      // The schema would silently drop an unknown key: a rule known to one side alone.
      expect(result.output, `step ${number}`).toEqual(whole(expected, hash, proofs));
    }
  });
});

const rights = read('declared-rights.json') as {
  cases: readonly { declared: object; read?: string; write?: string; refused?: string }[];
};
test.each(rights.cases)(
  'case B2: both sides read $declared alike',
  ({ declared, refused, ...rules }) => {
    const declare = (): unknown =>
      readCollections({ version: 1, collections: { diary: { schema: {}, ...declared } } })['diary'];
    if (refused === undefined) expect(declare()).toMatchObject(rules);
    else expect(declare).toThrow(refused);
  },
);

test('limits mirror the contract', () => {
  const { protocol, protocol_floor, transports, ...rest } = read('limits.json') as Record<
    string,
    unknown
  >;
  const { TRANSPORT_LIMITS, ...scalars } = limits;
  expect([protocol_floor, protocol]).toEqual([PROTOCOL_FLOOR, PROTOCOL_VERSION]);
  for (const [name, value] of Object.entries(scalars))
    expect(rest[name.toLowerCase()], name).toBe(value);
  const snakeCased = (part: object): object =>
    Object.fromEntries(
      Object.entries(part).map(([name, value]) => [
        name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        value,
      ]),
    );
  expect({
    dag: snakeCased(TRANSPORT_LIMITS.dag),
    plugin: snakeCased(TRANSPORT_LIMITS.plugin),
  }).toEqual(transports);
});

test('the hash is the lower-case hex SHA-256 of the UTF-8 bytes', async () => {
  expect(await hashBatch('')).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  expect(await hashBatch('é')).toBe(
    '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c',
  );
});

test('ids: a record id is new each time; a replica id is 20 hex digits of 80 random bits', () => {
  expect(newId()).not.toBe(newId());
  const ids = Array.from({ length: 100 }, randomHex);
  expect(ids.filter((id) => !/^[0-9a-f]{20}$/.test(id))).toEqual([]);
  expect(new Set(ids).size).toBe(100);
  expect(new Set(ids.join('')).size, 'every digit').toBe(16);
});

const collection = { schema: { type: 'object' } };
test('collections.json: omitted keys get their defaults', () => {
  expect(readCollections({ version: 1, collections: { sites: collection } })).toEqual({
    sites: { ...collection, indexes: [], onConflict: 'ask', read: 'all', write: 'all' },
  });
});

test.each<[string, unknown, string]>([
  ['no object', null, 'at "the top"'],
  ['another version', { version: 2, collections: {} }, 'at "version"'],
  ['no collections', { version: 1 }, 'at "collections"'],
  [
    'a name the database could not hold',
    { version: 1, collections: { 'Two Words': collection } },
    'at "collections.Two Words"',
  ],
  ['no schema', { version: 1, collections: { sites: {} } }, 'at "collections.sites.schema"'],
  [
    'a policy that does not exist',
    { version: 1, collections: { sites: { ...collection, onConflict: 'mine' } } },
    'at "collections.sites.onConflict"',
  ],
  [
    'an index that is no name',
    { version: 1, collections: { sites: { ...collection, indexes: [1] } } },
    'at "collections.sites.indexes.0"',
  ],
])('a mistake in collections.json is told with its path: %s', (_name, file, path) => {
  expect(() => readCollections(file)).toThrow(path);
});
