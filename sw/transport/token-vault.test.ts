import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { ReplicaStore } from '../store/replica-store.ts';
import { createTokenVault, expiryOf, type TokenVault } from './token-vault.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const HOUR_MS = 3_600_000;
/** A token as Airflow gives it: only `exp` is read. */
const jwt = (claims: object): string =>
  ['{"alg":"HS512"}', JSON.stringify(claims), 'signature']
    .map((part) => btoa(part).replace(/=+$/, ''))
    .join('.');

let now: number;
let indexedDB: IDBFactory;
let store: ReplicaStore;
let vault: TokenVault;
beforeEach(() => {
  now = NOW;
  indexedDB = new IDBFactory();
  store = new ReplicaStore('updraft:ana', {}, { indexedDB, IDBKeyRange });
  vault = createTokenVault(store, () => now);
});

function request<T>(of: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error ?? new Error('failed'));
  });
}
/** Every byte and text of every row of every table. */
async function everythingStored(): Promise<string> {
  const db = await request(indexedDB.open('updraft:ana'));
  const names = Array.from(db.objectStoreNames);
  const transaction = db.transaction(names);
  const rows = await Promise.all(
    names.map((name) => request(transaction.objectStore(name).getAll())),
  );
  db.close();
  const texts: string[] = [];
  const walk = (value: unknown): void => {
    if (value instanceof ArrayBuffer) texts.push(new TextDecoder('latin1').decode(value));
    else if (ArrayBuffer.isView(value)) texts.push(new TextDecoder('latin1').decode(value));
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
    else texts.push(String(value));
  };
  walk(rows);
  return texts.join('\n');
}

test('a token is read as sealed, also in another worker', async () => {
  await vault.seal('Bearer-ähnlich.token');
  expect(await createTokenVault(store, () => now).open()).toBe('Bearer-ähnlich.token');
});

test('no stored row holds the token in clear, nor its signature, nor its claims', async () => {
  const token = jwt({ sub: 'ana', exp: NOW / 1_000 + 60 });
  await vault.seal(token);
  const stored = await everythingStored();
  for (const part of [token, ...token.split('.'), 'signature', btoa(token)])
    expect(stored).not.toContain(part);
});

test('the key cannot be extracted from the browser', async () => {
  await vault.seal('token');
  const sealed = await store.read((tx) => tx.sealedToken());
  expect(sealed?.cryptoKey.extractable).toBe(false);
  for (const format of ['raw', 'jwk'] as const)
    await expect(crypto.subtle.exportKey(format, sealed?.cryptoKey as CryptoKey)).rejects.toThrow();
});

test('each sealing has a key and a nonce of its own', async () => {
  await vault.seal('token');
  const first = await store.read((tx) => tx.sealedToken());
  await vault.seal('token');
  const second = await store.read((tx) => tx.sealedToken());
  expect(second?.iv).not.toEqual(first?.iv);
  expect(await vault.open()).toBe('token');
});

describe('the token is deleted', () => {
  test('at its expiry, not before', async () => {
    await vault.seal(jwt({ exp: NOW / 1_000 + 60 }));
    now = NOW + 59_999;
    expect(await vault.open()).toBeDefined();
    now = NOW + 60_000;
    expect(await vault.open()).toBeUndefined();
    expect(await store.read((tx) => tx.sealedToken())).toBeUndefined();
  });
  test('after a day where the token names no expiry', async () => {
    await vault.seal('opaque');
    now = NOW + 24 * HOUR_MS - 1;
    expect(await vault.open()).toBe('opaque');
    now = NOW + 24 * HOUR_MS;
    expect(await vault.open()).toBeUndefined();
  });
  test('at a sign-out', async () => {
    await vault.seal('token');
    await vault.drop();
    expect(await vault.open()).toBeUndefined();
  });
  test('fault 39: an unreadable token is as good as missing, and is not tried again', async () => {
    await vault.seal('token');
    const sealed = await store.read((tx) => tx.sealedToken());
    if (sealed)
      await store.write((tx) => tx.putSealedToken({ ...sealed, ciphertext: new ArrayBuffer(40) }));
    expect(await vault.open()).toBeUndefined();
    expect(await store.read((tx) => tx.sealedToken())).toBeUndefined();
  });
});

test.each<[string, string, number | undefined]>([
  ['a JWT', jwt({ exp: 1_800_000_000 }), 1_800_000_000_000],
  [
    'a JWT whose claims need base64url',
    jwt({ sub: '???>>>', exp: 5 }).replaceAll('+', '-').replaceAll('/', '_'),
    5_000,
  ],
  ['a JWT without an expiry', jwt({ sub: 'ana' }), undefined],
  ['a JWT whose expiry is a text', jwt({ exp: 'soon' }), undefined],
  ['claims that are null', `a.${btoa('null')}.b`, undefined],
  ['no JWT', 'opaque', undefined],
  ['nothing', '', undefined],
])('the expiry of %s', (_name, token, expected) => {
  expect(expiryOf(token)).toBe(expected);
});
