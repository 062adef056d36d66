import type { JSX } from 'preact';
import type { PendingInput } from '../../../client/index.ts';
import { ageText } from '../call-words.ts';

interface Props {
  readonly input: PendingInput;
  /** ms since 1970 */
  readonly now: number;
  /** When Airflow was last asked. */
  readonly seenAt: number | undefined;
  readonly isOffline: boolean;
  readonly onChoose: (option: string) => void;
}

/** Younger than this, nobody wonders. */
const NEWS_MS = 60_000;

/** A task in Airflow that waits for a person. What is shown may be older than it is: it says how old. */
export function Approval({ input, now, seenAt, isOffline, onChoose }: Props): JSX.Element {
  const { taskInstanceId, subject, body, options, createdAt } = input;
  return (
    <div class="approval" data-testid={`approval-${taskInstanceId}`}>
      <h3>{subject}</h3>
      {body !== null && <p>{body}</p>}
      <p class="quiet">
        Asked {ageText(Date.parse(createdAt), now)}
        {isOffline && seenAt !== undefined && now - seenAt > NEWS_MS && ` · last news ${ageText(seenAt, now)}`}
      </p>
      <div class="report-buttons">
        {options.map((option, at) => (
          <button key={option} class={at === 0 ? 'button primary' : 'button'} data-testid={`choose-${option}`} onClick={() => onChoose(option)}>
            {option}
          </button>
        ))}
      </div>
    </div>
  );
}
