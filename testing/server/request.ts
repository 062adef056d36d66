import { whyNotJson } from '../../shared/json.ts';
import { TRANSPORT_LIMITS, type TransportName } from '../../shared/limits.ts';
import { PROTOCOL_FLOOR } from '../../shared/protocol-version.ts';
import type { BatchName, ExchangeResponse } from '../../shared/exchange.ts';
import type { Reason } from '../../shared/verdict.ts';
import { utf8Bytes } from '../../shared/json.ts';
import { InvalidRequest, isCount, isObject, readMutation, type AnyMutation } from './mutation.ts';
import { knownTo, readProtocol, spoken } from './versions.ts';

const NAME_LENGTH_MAX = 200;
const HOLDS_MAX = 1_000;

/** A request, read. `mark` names its batch or void; a pull has none. */
export interface Asked {
  readonly protocol: number;
  readonly replicaId: string;
  readonly user: string;
  readonly epoch: string | null;
  readonly last: BatchName | null;
  readonly mark: BatchName | undefined;
  readonly batch: { readonly hash: string; readonly mutations: readonly AnyMutation[] } | undefined;
  readonly since: number;
  readonly floor: number;
  readonly limit: number;
  readonly proof: string | undefined;
  readonly holds: readonly string[] | undefined;
}

/** Reads an untrusted request. `foundHash` is the hash of its batch. Throws InvalidRequest. */
export function readRequest(
  body: unknown,
  foundHash: string | undefined,
  transport: TransportName,
): Asked {
  if (!isObject(body)) throw new InvalidRequest('malformed', 'the request is not an object');
  const protocol = readProtocol(body);
  const limits = TRANSPORT_LIMITS[transport];
  const voided = readMark(body['void'], '/void');
  const head = {
    protocol,
    replicaId: readName(body['replicaId'], '/replicaId'),
    user: readName(body['user'], '/user'),
    epoch: body['epoch'] === null ? null : readName(body['epoch'], '/epoch'),
    last: readMark(body['last'], '/last') ?? null,
    since: readCount(body['since'], '/since'),
    floor: readCount(body['floor'], '/floor'),
    limit: Math.min(readCount(body['limit'], '/limit', 1), limits.pageChangesMax),
    proof: typeof body['proof'] === 'string' ? body['proof'] : undefined,
    holds: readHolds(body['holds']),
  };
  const { batch, hash } = body;
  if (batch === undefined || batch === null) {
    if (hash !== undefined && hash !== null) malformed('a hash comes with a batch', '/hash');
    return { ...head, batch: undefined, mark: voided };
  }
  const read = readBatch(batch, hash, foundHash, transport, protocol);
  if (voided) malformed('a request carries a batch or a void, not both', '/void');
  return { ...head, ...read };
}

function readBatch(
  text: unknown,
  hash: unknown,
  foundHash: string | undefined,
  transport: TransportName,
  protocol: number,
): Pick<Asked, 'batch' | 'mark'> {
  const { batchBytesMax, batchMutationsMax } = TRANSPORT_LIMITS[transport];
  if (typeof text !== 'string') return malformed('the batch must be a JSON string', '/batch');
  if (utf8Bytes(text) > batchBytesMax)
    throw new InvalidRequest('too_large', `the batch exceeds ${batchBytesMax} bytes`, '/batch');
  if (hash !== foundHash)
    throw new InvalidRequest('hash', 'the hash is not the batch’s SHA-256', '/hash');
  const body = parsed(text);
  const keys = isObject(body) ? Object.keys(body).sort().join() : '';
  if (!isObject(body) || keys !== 'mutations,nonce,number' || !Array.isArray(body['mutations']))
    return malformed('a batch is {number, nonce, mutations}', '/batch');
  const mutations = body['mutations'] as readonly unknown[];
  if (mutations.length > batchMutationsMax)
    throw new InvalidRequest(
      'too_large',
      `the batch holds more than ${batchMutationsMax} mutations`,
      '/batch/mutations',
    );
  return {
    mark: {
      number: readCount(body['number'], '/batch/number', 1),
      nonce: readName(body['nonce'], '/batch/nonce'),
    },
    batch: { hash: foundHash ?? '', mutations: knownTo(protocol, mutations.map(readMutation)) },
  };
}

const malformed = (message: string, path: string): never => {
  throw new InvalidRequest('malformed', message, path);
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return malformed(`the batch is not JSON: ${String(error)}`, '/batch');
  }
}

function readMark(body: unknown, path: string): BatchName | undefined {
  if (body === undefined || body === null) return undefined;
  if (!isObject(body)) return malformed('expected {number, nonce}', path);
  return {
    number: readCount(body['number'], `${path}/number`, 1),
    nonce: readName(body['nonce'], `${path}/nonce`),
  };
}

function readName(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '' || value.length > NAME_LENGTH_MAX)
    return malformed(`expected a text of 1 to ${NAME_LENGTH_MAX} characters`, path);
  const why = whyNotJson(value);
  return why === undefined ? value : malformed(why, path);
}

function readCount(value: unknown, path: string, least = 0): number {
  return isCount(value) && value >= least
    ? value
    : malformed(`expected an integer of at least ${least}`, path);
}

const readHolds = (holds: unknown): readonly string[] | undefined =>
  Array.isArray(holds) &&
  holds.length <= HOLDS_MAX &&
  holds.every((name) => typeof name === 'string' && name.length <= NAME_LENGTH_MAX)
    ? holds
    : undefined;

/** Answers a request that cannot be read, with what of it could be read. */
export function invalid(body: unknown, reason: Reason): ExchangeResponse {
  const asked = isObject(body) ? body : {};
  const text = (value: unknown): string | null =>
    typeof value === 'string' && value.length <= NAME_LENGTH_MAX ? value : null;
  const count = (value: unknown): number | null => (isCount(value) ? value : null);
  const { last, since, floor } = asked;
  const isMark =
    isObject(last) &&
    Object.keys(last).sort().join() === 'nonce,number' &&
    isCount(last['number']) &&
    text(last['nonce']) !== null;
  return {
    // The floor is read by every device that is served.
    protocol: spoken(asked) ?? PROTOCOL_FLOOR,
    replicaId: text(asked['replicaId']),
    echo: {
      epoch: text(asked['epoch']),
      since: count(since),
      floor: count(floor),
      last: isMark ? (last as unknown as BatchName) : null,
      nonce: text(nonceOf(asked)),
      hash: text(asked['hash']),
    },
    epoch: null,
    reset: false,
    start: count(floor) ?? 0,
    changes: [],
    upTo: count(since) ?? 0,
    more: false,
    refused: 'invalid',
    reason,
  };
}

function nonceOf({ batch, void: voided }: Readonly<Record<string, unknown>>): unknown {
  let settles = voided;
  try {
    if (typeof batch === 'string') settles = JSON.parse(batch);
  } catch {
    return null;
  }
  return isObject(settles) ? settles['nonce'] : null;
}
