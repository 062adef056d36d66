import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Choice } from '../../../client/index.ts';
import type { Site } from '../collections.ts';
import { siteLabel } from '../draft.ts';
import { problemOf } from '../validate.ts';
import { STATUS_WORDS } from '../words.ts';

interface Props {
  readonly field: string;
  readonly name: string;
  readonly sites: readonly Site[];
  readonly isChosen: boolean;
  readonly onChoose: (choice: Choice | undefined) => void;
}

/** A third value besides the two of a conflict, checked while a person types. */
export function OtherValue({ field, name, sites, isChosen, onChoose }: Props): JSX.Element {
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string>();
  const choose = (typed: string): void => {
    setText(typed);
    const value =
      ['reading', 'visits'].includes(field) && typed.trim() !== ''
        ? Number(typed.replace(',', '.'))
        : typed;
    const wrong = typed === '' ? undefined : problemOf(field, value);
    setProblem(wrong);
    onChoose(typed === '' || wrong !== undefined ? undefined : { value });
  };
  const options: readonly (readonly [string, string])[] | undefined =
    field === 'status'
      ? Object.entries(STATUS_WORDS)
      : field === 'site' && sites.length > 0
        ? sites.map(({ id }) => [id, siteLabel(id, sites)] as const)
        : undefined;
  const common = {
    id: `${name}-other`,
    'data-testid': `take-other-${field}`,
    'aria-invalid': problem !== undefined,
    value: isChosen || problem ? text : '',
  };
  return (
    <div class={isChosen ? 'other chosen' : 'other'}>
      <label for={common.id}>Or another value</label>
      {options ? (
        <select {...common} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">–</option>
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      ) : field === 'inspected_on' ? (
        <input {...common} type="date" onInput={(event) => choose(event.currentTarget.value)} />
      ) : (
        <input
          {...common}
          autocomplete="off"
          onInput={(event) => choose(event.currentTarget.value)}
        />
      )}
      <p class="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}
