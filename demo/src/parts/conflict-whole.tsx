import type { JSX } from 'preact';
import type { Choice, Conflict, ConflictReason } from '../../../client/index.ts';
import type { Site } from '../collections.ts';
import { valueText } from '../value-text.ts';
import { FIELD_WORDS } from '../words.ts';
import { Tile } from './tile.tsx';

type Doc = Conflict['mine'];

/** The effect of each side on the record. */
const SIDE_WORDS: Readonly<
  Record<ConflictReason, { readonly mine: string; readonly theirs: string }>
> = {
  'deleted-there': { mine: 'Keep my version', theirs: 'Delete it, as in Airflow' },
  'deleted-here': { mine: 'Delete it', theirs: 'Keep the version in Airflow' },
  forked: { mine: 'Send mine again', theirs: 'Keep what is in Airflow' },
  'invalid-merge': { mine: 'Mine', theirs: 'In Airflow' },
  edited: { mine: 'Mine', theirs: 'In Airflow' },
};

interface Props {
  readonly conflict: Conflict;
  readonly choice: Choice | undefined;
  readonly sites: readonly Site[];
  readonly onChoose: (choice: Choice) => void;
}

/** A conflict about the record as a whole: either version holds. */
export function ConflictWhole({ conflict, choice, sites, onChoose }: Props): JSX.Element {
  const { id, reason, base, mine, theirs } = conflict;
  const words = SIDE_WORDS[reason];
  const fields = fieldsThatDiffer(conflict);
  const takes = choice && 'take' in choice ? choice.take : undefined;
  return (
    <div class="sides whole" role="radiogroup" aria-label="Which version holds">
      <div class="tile before">
        <span class="tile-title">Before</span>
        <Version doc={base} none="Not there" fields={fields} sites={sites} other={null} />
      </div>
      <Tile
        name={id}
        testId="take-mine-*"
        title={words.mine}
        isChosen={takes === 'mine'}
        onChoose={() => onChoose({ take: 'mine' })}
      >
        <Version doc={mine} none="Deleted" fields={fields} sites={sites} other={base} />
      </Tile>
      <Tile
        name={id}
        testId="take-theirs-*"
        title={words.theirs}
        isChosen={takes === 'theirs'}
        onChoose={() => onChoose({ take: 'theirs' })}
      >
        <Version
          doc={theirs}
          none={base === null ? 'Not there' : 'Deleted'}
          fields={fields}
          sites={sites}
          other={base}
        />
      </Tile>
    </div>
  );
}

/**
 * Returns the fields that differ between the versions; all fields if there is only one version to
 * show.
 */
function fieldsThatDiffer({ base, mine, theirs }: Conflict): readonly string[] {
  const versions = [base, mine, theirs].filter((doc) => doc !== null);
  const differ = Object.keys(FIELD_WORDS).filter((field) =>
    versions.some((doc) => doc[field] !== versions[0]?.[field]),
  );
  return differ.length > 0 ? differ : Object.keys(FIELD_WORDS);
}

interface VersionProps {
  readonly doc: Doc;
  readonly none: string;
  readonly fields: readonly string[];
  readonly sites: readonly Site[];
  readonly other: Doc;
}

/** A version of the record; values that differ from the other version stand out. */
function Version({ doc, none, fields, sites, other }: VersionProps): JSX.Element {
  if (doc === null) return <em>{none}</em>;
  return (
    <dl>
      {Object.keys(FIELD_WORDS)
        .filter((field) => doc[field] !== undefined && fields.includes(field))
        .map((field) => (
          <div key={field} class={other && other[field] !== doc[field] ? 'changed' : ''}>
            <dt>{FIELD_WORDS[field]}</dt>
            <dd>{valueText(field, doc[field], sites)}</dd>
          </div>
        ))}
    </dl>
  );
}
