import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { UpdraftError, type Conflict, type Resolution } from '../../../client/index.ts';
import type { Site } from '../collections.ts';
import { siteName } from '../draft.ts';
import { errorText } from '../error-text.ts';
import { inQuestion } from '../in-question.ts';
import type { Client } from '../use-updraft.ts';
import { CONFLICT_WORDS } from '../words.ts';
import { ConflictField } from './conflict-field.tsx';
import { ConflictWhole } from './conflict-whole.tsx';
import { Icon } from './icon.tsx';

interface Props {
  readonly client: Client;
  readonly conflict: Conflict;
  readonly sites: readonly Site[];
}

/** Both sides of a conflict, and the person's decision. */
export function ConflictPanel({ client, conflict, sites }: Props): JSX.Element {
  const { choices, choose, isComplete, note, resolve } = useDecision(client, conflict);
  const { reason, collection, fields, recordId, mine, theirs, base } = conflict;
  const site = (mine ?? theirs ?? base)?.['site'];

  return (
    <article
      class="card conflict"
      data-testid={`conflict-${recordId}`}
      data-conflict={conflict.id}
      data-reason={reason}
    >
      <header>
        <Icon name="conflict" />
        <div>
          <h3>
            {CONFLICT_WORDS[reason].title}:{' '}
            {typeof site === 'string' ? siteName(site, sites) : 'a record'}
            {collection === 'tasks' && ', follow-up'}
          </h3>
          <p class="quiet">{CONFLICT_WORDS[reason].text}</p>
        </div>
      </header>
      {note && (
        <p class="problem" role="alert" data-testid="conflict-note">
          {note}
        </p>
      )}
      {fields === '*' ? (
        <ConflictWhole
          conflict={conflict}
          choice={choices['*']}
          sites={sites}
          onChoose={(choice) => choose('*', choice)}
        />
      ) : (
        fields.map((of) => (
          <ConflictField
            key={of.field}
            conflictId={conflict.id}
            of={of}
            choice={choices[of.field]}
            sites={sites}
            onChoose={(choice) => choose(of.field, choice)}
          />
        ))
      )}
      <div class="buttons">
        <button
          class="button primary"
          data-testid="resolve"
          disabled={!isComplete}
          onClick={() => void resolve()}
        >
          {isComplete ? 'Resolve' : 'Choose above'}
        </button>
      </div>
    </article>
  );
}

interface Decision {
  readonly choices: Resolution;
  readonly choose: (field: string, choice: Resolution[string] | undefined) => void;
  readonly isComplete: boolean;
  readonly note: string | undefined;
  readonly resolve: () => Promise<void>;
}

/**
 * The person's decision. A newer version of a field in question starts the decision over, because
 * the choices were made for the old version. A score that came meanwhile does not.
 */
function useDecision(client: Client, conflict: Conflict): Decision {
  const [choices, setChoices] = useState<Resolution>({});
  const [note, setNote] = useState<string>();
  const { fields } = conflict;
  const asked = inQuestion(conflict);
  const shown = useRef(asked);
  useEffect(() => {
    if (shown.current === asked) return;
    shown.current = asked;
    setChoices({});
    setNote('It was changed in Airflow again. This is the new version.');
  }, [asked]);

  const isComplete =
    fields === '*'
      ? choices['*'] !== undefined
      : fields.every(({ field }) => choices[field] !== undefined);
  const choose = (field: string, choice: Resolution[string] | undefined): void =>
    setChoices(({ [field]: _, ...others }) => (choice ? { ...others, [field]: choice } : others));
  const resolve = async (): Promise<void> => {
    try {
      await client.resolve(conflict, choices);
    } catch (error) {
      // The conflict has moved: the change event has brought the new version, or is about to.
      if (!(error instanceof UpdraftError && error.kind === 'conflict-moved'))
        setNote(errorText(error));
      else
        setNote('It was changed in Airflow again. Look at the new version and choose once more.');
    }
  };
  return { choices, choose, isComplete, note, resolve };
}
