import type { JSX } from 'preact';
import type { PendingInput } from '../../../client/index.ts';
import { ageText } from '../call-words.ts';

interface Props {
  readonly input: PendingInput;
  /** ms since 1970 */
  readonly now: number;
  /** When Airflow was last asked, ms since 1970. */
  readonly seenAt: number | undefined;
  readonly isOffline: boolean;
  readonly onChoose: (option: string) => void;
}

/** A list younger than this is shown without an age. */
const NEWS_MS = 60_000;

/** A task in Airflow that waits for a person, with the age of the list if the list is old. */
export function Approval({ input, now, seenAt, isOffline, onChoose }: Props): JSX.Element {
  const { taskInstanceId, subject, body, options, createdAt, assignedUsers } = input;
  return (
    <div class="approval" data-testid={`approval-${taskInstanceId}`}>
      <h3>{subject}</h3>
      {body !== null && <p>{body}</p>}
      {assignedUsers !== undefined && (
        <p class="quiet">For {assignedUsers.map(({ name }) => name).join(', ')} to answer.</p>
      )}
      <p class="quiet">
        Asked {ageText(Date.parse(createdAt), now)}
        {isOffline &&
          seenAt !== undefined &&
          now - seenAt > NEWS_MS &&
          ` · last news ${ageText(seenAt, now)}`}
      </p>
      <div class="report-buttons">
        {options.map((option, at) => (
          <button
            key={option}
            class={at === 0 ? 'button primary' : 'button'}
            data-testid={`choose-${option}`}
            onClick={() => onChoose(option)}
          >
            {option}
          </button>
        ))}
      </div>
    </div>
  );
}
