import { defined } from '../../shared/defined.ts';
import type { Declarations } from '../../shared/collections.ts';
import type { Resolvers } from '../declarations/resolvers.ts';
import type { RecordStep } from '../record/record-events.ts';
import type { ReplicaRecord } from '../record/record.ts';
import type { World } from '../world.ts';

/** Dependencies of settling beside the transaction. */
export interface SettleDeps {
  readonly declarations: Declarations;
  readonly resolvers?: Resolvers;
  readonly now: number;
  readonly randomHex: () => string;
}

/** Dependencies of steps that may meet a new conflict. */
export interface StepDeps extends SettleDeps {
  /** Returns the step's record as the app's resolver decides, if one does. */
  readonly decide: (step: RecordStep) => ReplicaRecord;
}

export const settleDepsOf = ({ declarations, resolvers, clock, random }: World): SettleDeps => ({
  declarations,
  now: clock.now(),
  randomHex: random.hex,
  ...defined({ resolvers }),
});
