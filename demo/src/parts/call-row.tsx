import type { JSX } from 'preact';
import type { CallEntry } from '../../../client/index.ts';
import { callTitle, callWords } from '../call-words.ts';
import { timeText } from '../dates.ts';
import { Icon } from './icon.tsx';

interface Props {
  readonly call: CallEntry;
  readonly isOffline: boolean;
  readonly onRetry: () => void;
  readonly onDiscard: () => void;
}

/** A call with the call's state, and the actions a person has on a stopped call. */
export function CallRow({ call, isOffline, onRetry, onDiscard }: Props): JSX.Element {
  const { id, state, capturedAt } = call;
  const { text, tone, icon } = callWords(state, isOffline);
  return (
    <li data-testid={`call-${id}`} data-state={state.kind}>
      <div class="call">
        <span>
          <b>{callTitle(call)}</b>
          <small>{timeText(capturedAt)}</small>
        </span>
        <span class={`call-state tone-${tone}`} data-testid={`call-state-${id}`}>
          <Icon name={icon} />
          {text}
        </span>
      </div>
      {state.kind === 'dead' && (
        <>
          <p class="rejection">{state.reason.message}</p>
          <div class="actions">
            {state.reason.kind !== 'conflict' && (
              <button class="action" data-testid={`retry-call-${id}`} onClick={onRetry}>
                <Icon name="refresh" /> Try again
              </button>
            )}
            <button class="action" data-testid={`discard-call-${id}`} onClick={onDiscard}>
              <Icon name="cross" /> Discard
            </button>
          </div>
        </>
      )}
    </li>
  );
}
