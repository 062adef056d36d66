/** Returns a new record id: random, so that two offline devices never choose an id twice. */
export const newId = (): string => crypto.randomUUID();

/**
 * 80 random bits as 20 lower-case hex digits: replica ids, nonces, pull ids. Safe in a DAG run id.
 */
export const randomHex = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
