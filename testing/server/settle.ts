import type { ExchangeResponse } from '../../shared/exchange.ts';
import { jsonBytes } from '../../shared/json.ts';
import { TRANSPORT_LIMITS } from '../../shared/limits.ts';
import type { Reason, Verdict } from '../../shared/verdict.ts';
import type { Author, Declared } from './declared.ts';
import { claim, standing, type Entry } from './ledger.ts';
import { applyAll, type StoreState } from './memory-store.ts';
import { InvalidRequest, problem } from './mutation.ts';
import type { Asked } from './request.ts';

type Refused = NonNullable<ExchangeResponse['refused']>;

/** What becomes of a request's batch, void or pull. */
export interface Answer {
  readonly refused?: Refused;
  readonly reason?: Reason;
  readonly verdicts?: readonly Verdict[];
  readonly entry?: Entry;
}

/** Answers a batch, void or pull in the replica's epoch, in the order of docs/protocol.md. */
export function settle(
  state: StoreState,
  asked: Asked,
  entry: Entry | undefined,
  epoch: string,
  author: Author,
  declared: Declared,
): Answer {
  const place = standing(entry, asked, epoch);
  if (place === 'fork') return { refused: 'fork' };
  if (entry && place === 'replay')
    return { verdicts: entry.verdicts ?? [], entry: { ...entry, epoch } };
  if (entry && place === 'voided') return { refused: 'void', entry: { ...entry, epoch } };
  const { mark, batch } = asked;
  if (asked.epoch !== epoch)
    return { ...(mark && { refused: 'epoch' }), entry: claim(asked, epoch) };
  if (place === 'stray')
    return {
      refused: 'invalid',
      reason: problem('malformed', 'the number must be the last one plus 1', '/last'),
    };
  if (!mark) return { entry: entry ?? claim(asked, epoch) };
  const settled = { ...claim(asked, epoch), ...mark };
  if (!batch) return { refused: 'void', entry: { ...settled, isVoid: true } };
  const verdicts = applyAll(state, batch.mutations, author, declared);
  const { verdictsBytesMax } = TRANSPORT_LIMITS[author.transport];
  if (verdicts.length > 1 && jsonBytes(verdicts) > verdictsBytesMax)
    throw new InvalidRequest('too_large', 'void the batch and split it', '/batch');
  return { verdicts, entry: { ...settled, hash: batch.hash, verdicts } };
}

/** A response that refuses all: the checkpoint stays. */
export function refusal(
  asked: Asked,
  epoch: string,
  { refused, reason }: Pick<Answer, 'refused' | 'reason'>,
): ExchangeResponse {
  return {
    ...frame(asked, epoch),
    reset: false,
    start: asked.floor,
    changes: [],
    upTo: asked.since,
    more: false,
    ...(refused && { refused }),
    ...(reason && { reason }),
  };
}

export const frame = (
  { protocol, replicaId, epoch, since, floor, last, mark, batch }: Asked,
  answered: string,
): Pick<ExchangeResponse, 'protocol' | 'replicaId' | 'echo' | 'epoch'> => ({
  protocol,
  replicaId,
  echo: { epoch, since, floor, last, nonce: mark?.nonce ?? null, hash: batch?.hash ?? null },
  epoch: answered,
});
