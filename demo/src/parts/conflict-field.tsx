import type { JSX } from 'preact';
import type { Choice, Conflict } from '../../../client/index.ts';
import type { Site } from '../collections.ts';
import { FIELD_WORDS } from '../words.ts';
import { valueText } from '../value-text.ts';
import { OtherValue } from './other-value.tsx';
import { Tile } from './tile.tsx';

export type Fields = Exclude<Conflict['fields'], '*'>;

interface Props {
  readonly conflictId: string;
  readonly of: Fields[number];
  readonly choice: Choice | undefined;
  readonly sites: readonly Site[];
  readonly onChoose: (choice: Choice | undefined) => void;
}

/** A field that both sides changed: the base, my value, their value, or a third value. */
export function ConflictField({ conflictId, of, choice, sites, onChoose }: Props): JSX.Element {
  const { field } = of;
  const name = `${conflictId}-${field}`;
  const takes = choice && 'take' in choice ? choice.take : undefined;
  return (
    <fieldset class="conflict-field">
      <legend>{FIELD_WORDS[field] ?? field}</legend>
      <div class="sides">
        <div class="tile before">
          <span class="tile-title">Before</span>
          <span class="tile-value">{valueText(field, of.base, sites)}</span>
        </div>
        <Tile
          name={name}
          testId={`take-mine-${field}`}
          title="Mine"
          isChosen={takes === 'mine'}
          onChoose={() => onChoose({ take: 'mine' })}
        >
          {valueText(field, of.mine, sites)}
        </Tile>
        <Tile
          name={name}
          testId={`take-theirs-${field}`}
          title="In Airflow"
          isChosen={takes === 'theirs'}
          onChoose={() => onChoose({ take: 'theirs' })}
        >
          {valueText(field, of.theirs, sites)}
        </Tile>
      </div>
      <OtherValue
        field={field}
        name={name}
        sites={sites}
        isChosen={choice !== undefined && 'value' in choice}
        onChoose={onChoose}
      />
    </fieldset>
  );
}
