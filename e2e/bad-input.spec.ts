import { eventually } from './support/eventually.ts';
import { allRows } from './support/indexed-db.ts';
import { expect, test } from './support/test.ts';
import { writeUnchecked } from './support/unchecked.ts';
import type { Receipt } from '../client/index.ts';

test('a put that cannot be stored rejects with a typed error and stores nothing', async ({
  device,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const before = (await allRows(device.page)).filter(({ store }) =>
    ['records', 'deliveries', 'requests'].includes(store),
  ).length;
  const kinds = await device.page.evaluate(async (id) => {
    const good = { id, site: 'A7', status: 'ok' };
    const circular: Record<string, unknown> = { ...good };
    circular['self'] = circular;
    const puts: Record<string, unknown> = {
      'a function': { ...good, note: () => 1 },
      'a date': { ...good, note: new Date() },
      'not a number': { ...good, reading: Number.NaN },
      'a big integer': { ...good, reading: 1n },
      undefined: { ...good, note: undefined },
      'a circle': circular,
      'U+0000': { ...good, note: 'a\u0000b' },
      'U+0000 in a key': { ...good, 'a\u0000b': 1 },
      'half of a surrogate pair': { ...good, note: 'a\uD800b' },
      'no id': { site: 'A7', status: 'ok' },
      'an empty id': { ...good, id: '' },
      'an id that is no text': { ...good, id: 7 },
      'no object': 'text',
      'more than 64 KiB': { ...good, note: 'x'.repeat(65 * 1024) },
      'a value that the schema forbids': { ...good, status: 'excellent' },
      'a field left out': { id },
    };
    const kindOf = (put: Promise<unknown>): Promise<string> =>
      put.then(
        () => 'stored',
        (error: { kind?: string; message: string }) => error.kind ?? error.message,
      );
    const found: Record<string, string> = {};
    for (const [name, value] of Object.entries(puts))
      found[name] = await kindOf(
        client()
          .collection('inspections')
          .put(value as never),
      );
    found['an unknown collection'] = await kindOf(
      client()
        .collection('nonsense' as 'inspections')
        .put(good as never),
    );
    found['a collection that only Airflow writes'] = await kindOf(
      client().collection('sites').put({ id, name: 'mine' }),
    );
    return found;
  }, `${prefix}bad`);
  expect(kinds).toEqual({
    'a function': 'not-json',
    'a date': 'not-json',
    'not a number': 'not-json',
    'a big integer': 'not-json',
    undefined: 'not-json',
    'a circle': 'not-json',
    'U+0000': 'not-json',
    'U+0000 in a key': 'not-json',
    'half of a surrogate pair': 'not-json',
    'no id': 'no-id',
    'an empty id': 'no-id',
    'an id that is no text': 'no-id',
    'no object': 'no-id',
    'more than 64 KiB': 'too-large',
    'a value that the schema forbids': 'schema',
    'a field left out': 'schema',
    'an unknown collection': 'unknown-collection',
    'a collection that only Airflow writes': 'read-only',
  });
  expect(await device.rows(prefix)).toEqual([]);
  expect((await device.status()).unsent).toBe(0);
  expect(
    (await allRows(device.page)).filter(({ store }) =>
      ['records', 'deliveries', 'requests'].includes(store),
    ),
  ).toHaveLength(before);
});

test('fault 36: a record that Airflow alone refuses is shown, and blocks no other', async ({
  device,
  store,
  prefix,
}) => {
  await device.openSignedIn('ana');
  const [bad, good] = [`${prefix}bad`, `${prefix}good`];
  // Captured today such a record is refused on the spot; an older worker has let it pass.
  const captured = await device.page.evaluateHandle(() => ({ receipts: [] as Receipt[] }));
  await device.captureAsOneBatch(async () => {
    await captured.evaluate(
      async (kept, ids) => {
        const inspections = client().collection('inspections');
        kept.receipts = await Promise.all(
          [ids.bad, ids.good].map((id) => inspections.put({ id, site: 'A7', status: 'ok' })),
        );
      },
      { bad, good },
    );
    const record = { collection: 'inspections', id: bad, user: 'ana' };
    await writeUnchecked(device.page, record, { status: 'excellent' });
  });
  const verdicts = await captured.evaluate(async ({ receipts }) =>
    (await Promise.all(receipts.map(({ settled }) => settled))).map(({ verdict }) => verdict),
  );
  expect(verdicts).toEqual(['rejected', 'applied']);
  expect(await store.record(bad)).toBeUndefined();
  expect(await store.record(good)).toMatchObject({ fields: { status: 'ok' } });

  const letters = await device.deadLetters();
  expect(letters).toMatchObject([
    {
      collection: 'inspections',
      id: bad,
      reason: { kind: 'schema' },
      value: { status: 'excellent' },
    },
  ]);
  expect(letters[0]?.reason.message).toMatch(/excellent/);
  await device.toldOf('dead-letter', 1);
  const row = device.page.getByTestId(`row-${bad}`);
  await expect(row).toHaveAttribute('data-state', 'rejected');
  await expect(row).toContainText(letters[0]?.reason.message ?? '?');

  // The refused record blocks no other record, and an edit sends the record again.
  await device.put({ id: `${prefix}next`, site: 'A7', status: 'ok' });
  await eventually(async () => (await device.get(`${prefix}next`))?.state, 'the next record').toBe(
    'synced',
  );
  await device.patch(bad, { status: 'watch' });
  await device.settled();
  expect(await store.record(bad)).toMatchObject({ fields: { status: 'watch' } });
  expect(await device.deadLetters()).toEqual([]);
  await expect(row).toHaveAttribute('data-state', 'synced');
});

test('fault 40: a malformed exchange request gets a clear error and writes nothing', async ({
  store,
  airflow,
  prefix,
}) => {
  const revision = await store.writes();
  const replicas = await store.query('SELECT replica_id FROM updraft_replicas ORDER BY 1');
  const confs: Record<string, object> = {
    nothing: {},
    'no-json': { updraft: '{"protocol": 1, ' },
    'no-text': { updraft: { protocol: 1 } },
    'wrong-fields': {
      updraft: JSON.stringify({
        protocol: 1,
        replicaId: `${prefix}x`,
        user: 'ana',
        since: 'yesterday',
      }),
    },
    template: { updraft: '{{ conf.get("core", "fernet_key") }}' },
  };
  const runIds = Object.fromEntries(
    Object.keys(confs).map((name) => [name, `updraft__${prefix}${name}`]),
  );
  for (const [name, conf] of Object.entries(confs)) {
    const { status } = await airflow.call(
      'POST',
      '/dags/updraft_exchange/dagRuns',
      { dag_run_id: runIds[name], logical_date: null, conf },
      'ana',
    );
    expect(status).toBe(200);
  }
  for (const [name, runId] of Object.entries(runIds)) {
    const result = async (): Promise<unknown> => {
      const path =
        `/dags/updraft_exchange/dagRuns/${encodeURIComponent(runId)}` +
        '/taskInstances/exchange/xcomEntries/return_value';
      const { status, body } = await airflow.call('GET', path, undefined, 'ana');
      return status === 200 ? JSON.parse((body as { value: string }).value) : undefined;
    };
    await eventually(result, name).toMatchObject({
      refused: 'invalid',
      reason: { kind: 'malformed', message: expect.stringMatching(/\w+ .*\w+/) },
      changes: [],
    });
  }
  expect(await store.writes()).toBe(revision);
  expect(await store.query('SELECT replica_id FROM updraft_replicas ORDER BY 1')).toEqual(replicas);
});
