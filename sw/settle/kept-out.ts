import { recordKey, type RecordName } from '../record/record-key.ts';
import type { Replica } from '../state/replica.ts';

/** Records remembered by name. */
const KEPT_OUT_MAX = 1_000;

/**
 * Updates the replica's list of kept-out records: adds the records of `met` that could not be held,
 * removes the records that could.
 */
export function noteKeptOut(
  replica: Replica,
  met: readonly (RecordName & { readonly isSound: boolean })[],
): Replica {
  const { keptOut = [], ...rest } = replica;
  if (keptOut.length === 0 && met.every(({ isSound }) => isSound)) return replica;
  const names = new Map(keptOut.map((name) => [recordKey(name), name]));
  for (const { collection, id, isSound } of met) {
    if (isSound) names.delete(recordKey({ collection, id }));
    else names.set(recordKey({ collection, id }), { collection, id });
  }
  return names.size === 0 ? rest : { ...rest, keptOut: [...names.values()].slice(0, KEPT_OUT_MAX) };
}
