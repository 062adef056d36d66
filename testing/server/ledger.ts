import type { Verdict } from '../../shared/verdict.ts';
import type { Asked } from './request.ts';

const RECEIPTS_KEPT = 16;

/** A replica's row: the last settled batch or void, with its answer, and how much was told. */
export interface Entry {
  readonly user: string;
  readonly epoch: string;
  readonly number: number;
  readonly nonce: string | null;
  readonly hash?: string;
  readonly isVoid?: true;
  readonly verdicts?: readonly Verdict[];
  /** The highest revision the replica was told of in this epoch. */
  readonly told: number;
  /** How many different answers the replica was given in this epoch. */
  readonly answers: number;
  /** Names of the newest answers, each the store's revision and a name never given again. */
  readonly receipts: readonly string[];
}

/** What a proof says: the row as of an answer. */
export interface Proven {
  readonly told: number;
  readonly number: number;
  readonly answers: number;
  readonly receipt: string | undefined;
}

const UNTOLD = { told: 0, answers: 0, receipts: [] } as const;

/** The row of a replica that is new to this epoch. */
export const claim = ({ user, last }: Asked, epoch: string): Entry => ({
  user,
  epoch,
  number: last?.number ?? 0,
  nonce: last?.nonce ?? null,
  ...UNTOLD,
});

/** The row after another answer up to this revision; an equal answer keeps its name. */
export function told(
  known: Entry | undefined,
  entry: Entry,
  upTo: number,
  revision: number,
  newName: () => string,
): Entry {
  const before = known?.epoch === entry.epoch ? known : UNTOLD;
  const now: Entry = {
    ...entry,
    told: Math.max(before.told, upTo),
    answers: before.answers,
    receipts: before.receipts,
  };
  const isRepeated =
    known !== undefined &&
    now.receipts.at(-1)?.startsWith(`${revision}-`) === true &&
    saidOf({ ...now, told: known.told }) === saidOf(known);
  if (isRepeated) return now;
  const receipts = [...now.receipts, `${revision}-${newName()}`].slice(-RECEIPTS_KEPT);
  return { ...now, answers: now.answers + 1, receipts };
}

const saidOf = ({ user, epoch, number, nonce, hash, isVoid, told, answers, receipts }: Entry) =>
  JSON.stringify([user, epoch, number, nonce, hash, isVoid, told, answers, receipts]);

export type Standing = 'replay' | 'voided' | 'fork' | 'stray' | 'next';

/** Places a request beside its replica's row; the order of the checks is the contract's. */
export function standing(entry: Entry | undefined, asked: Asked, epoch: string): Standing {
  const lastNumber = asked.last?.number ?? 0;
  if (entry) {
    if (isAnswered(entry, asked)) return entry.isVoid ? 'voided' : 'replay';
    const isOther = entry.epoch === epoch && entry.nonce !== (asked.last?.nonce ?? null);
    if (entry.number > lastNumber || isOther) return 'fork';
  }
  return asked.mark && asked.mark.number !== lastNumber + 1 ? 'stray' : 'next';
}

function isAnswered(entry: Entry, { mark, batch }: Asked): boolean {
  if (entry.number !== mark?.number) return false;
  if (batch && !entry.isVoid) return entry.hash === batch.hash;
  return entry.nonce === mark.nonce && (entry.isVoid === true || entry.hash !== undefined);
}

/** The epoch as the replica knows it: the store's, or a branch of it. */
export const epochOf = (entry: Entry | undefined, epoch: string): string =>
  entry && isOf(entry.epoch, epoch) ? entry.epoch : epoch;

const isOf = (epoch: string, storeEpoch: string): boolean => epoch.split('.')[0] === storeEpoch;

/** What a request's claims and proof say of the store: nothing, a false claim, or a restore. */
export function doubt(
  asked: Asked,
  entry: Entry | undefined,
  store: { readonly epoch: string; readonly revision: number },
  proven: Proven | undefined,
): 'none' | 'claim' | 'restored' {
  if (asked.epoch !== epochOf(entry, store.epoch)) return 'none';
  if (proven && denies(proven, entry, store))
    return proven.number > 0 || proven.told > store.revision ? 'restored' : 'claim';
  return isAhead(asked, entry, store) ? 'claim' : 'none';
}

function denies(
  proven: Proven,
  entry: Entry | undefined,
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
): boolean {
  if (proven.told > revision || !entry || !isOf(entry.epoch, epoch)) return true;
  if (proven.told > entry.told || proven.number > entry.number) return true;
  const back = entry.answers - proven.answers;
  if (back < 0) return true;
  const kept = entry.receipts[entry.receipts.length - 1 - back];
  return kept !== undefined && kept !== proven.receipt;
}

function isAhead(
  { since, floor, last }: Asked,
  entry: Entry | undefined,
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
): boolean {
  const seen = Math.max(since, floor);
  if (seen > revision) return true;
  if (!entry || !isOf(entry.epoch, epoch)) return seen > 0 || last !== null;
  return seen > entry.told || entry.number < (last?.number ?? 0);
}
