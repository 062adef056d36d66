import type { JSX } from 'preact';
import type { RowState } from '../../../client/index.ts';
import { HELD_UP_WORDS, STATE_WORDS } from '../words.ts';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Readonly<Record<RowState, IconName>> = {
  draft: 'edit',
  local: 'device',
  sending: 'sending',
  synced: 'synced',
  conflict: 'conflict',
  rejected: 'warning',
};

/** State of a record. Held up: sealed to be sent, while nothing moves. */
export function StateChip({
  state,
  isHeldUp,
}: {
  readonly state: RowState;
  readonly isHeldUp: boolean;
}): JSX.Element {
  if (state === 'sending' && isHeldUp) {
    return (
      <span class="chip chip-local">
        <Icon name="clock" />
        {HELD_UP_WORDS}
      </span>
    );
  }
  return (
    <span class={`chip chip-${state}`}>
      <Icon name={ICONS[state]} />
      {STATE_WORDS[state]}
    </span>
  );
}
