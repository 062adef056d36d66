import type { JSX } from 'preact';
import type { RowState } from '../../../client/index.ts';
import { STATE_WORDS } from '../words.ts';
import { Icon, type IconName } from './icon.tsx';

const ICONS: Readonly<Record<RowState, IconName>> = { local: 'device', sending: 'sending', synced: 'synced', conflict: 'conflict', rejected: 'warning' };

/** How far a record is on its way. */
export function StateChip({ state }: { readonly state: RowState }): JSX.Element {
  return (
    <span class={`chip chip-${state}`}>
      <Icon name={ICONS[state]} />
      {STATE_WORDS[state]}
    </span>
  );
}
