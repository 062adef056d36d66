import type { ReplicaStore } from '../store/replica-store.ts';

/**
 * Keeps a token at rest, encrypted under a key that the browser never hands out, until the token
 * expires.
 */
export interface TokenVault {
  readonly seal: (token: string) => Promise<void>;
  readonly open: () => Promise<string | undefined>;
  readonly drop: () => Promise<void>;
}

const ALGORITHM = 'AES-GCM';

/**
 * WebCrypto on the replica's database: AES-GCM, 256 bits, non-extractable (W3C Web Cryptography
 * API, 14.3).
 */
export function createTokenVault(store: ReplicaStore, now: () => number): TokenVault {
  const drop = (): Promise<void> => store.write((tx) => tx.deleteSealedToken());
  return {
    drop,
    async seal(token) {
      const cryptoKey = await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, [
        'encrypt',
        'decrypt',
      ]);
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const ciphertext = await crypto.subtle.encrypt(
        { name: ALGORITHM, iv },
        cryptoKey,
        new TextEncoder().encode(token),
      );
      await store.write((tx) =>
        tx.putSealedToken({
          key: 'token',
          cryptoKey,
          iv,
          ciphertext,
          expiresAt: expiryOf(token) ?? now() + 24 * 3_600_000,
        }),
      );
    },
    async open() {
      const sealed = await store.read((tx) => tx.sealedToken());
      if (!sealed) return undefined;
      if (sealed.expiresAt <= now()) {
        await drop();
        return undefined;
      }
      try {
        return new TextDecoder().decode(
          await crypto.subtle.decrypt(
            { name: ALGORITHM, iv: sealed.iv },
            sealed.cryptoKey,
            sealed.ciphertext,
          ),
        );
      } catch {
        // An unreadable token is as good as missing: the person signs in again.
        await drop();
        return undefined;
      }
    },
  };
}

/**
 * Returns the `exp` claim of a JWT (RFC 7519, 4.1.4) in ms since 1970, or undefined for any other
 * token.
 */
export function expiryOf(token: string): number | undefined {
  try {
    const [, payload = ''] = token.split('.');
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const exp = (claims as { exp?: unknown } | null)?.exp;
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
