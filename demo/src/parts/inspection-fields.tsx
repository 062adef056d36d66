import type { JSX, TargetedInputEvent } from 'preact';
import type { Inspection, Site } from '../collections.ts';
import type { Draft, DraftField } from '../draft.ts';
import type { Problems } from '../validate.ts';
import { STATUS_WORDS } from '../words.ts';
import { Icon, type IconName } from './icon.tsx';
import { SitePicker } from './site-picker.tsx';

interface Props {
  readonly draft: Draft;
  readonly problems: Problems;
  readonly sites: readonly Site[];
  readonly onChange: (part: Partial<Draft>) => void;
  readonly onLeave: (field: DraftField) => void;
  /** Prefix of each test id, for pages with two forms. */
  readonly prefix?: string;
}

const STATUS_ICONS: Readonly<Record<Inspection['status'], IconName>> = {
  ok: 'synced',
  watch: 'eye',
  fail: 'cross',
};
const STATUSES = ['ok', 'watch', 'fail'] as const;

/** The fields of an inspection, for capture and edit alike. */
export function InspectionFields({
  draft,
  problems,
  sites,
  onChange,
  onLeave,
  prefix = '',
}: Props): JSX.Element {
  const bind = (field: 'reading' | 'note' | 'inspected_on') => ({
    'data-testid': prefix + field,
    'aria-invalid': problems[field] !== undefined,
    value: draft[field],
    onInput: (event: TargetedInputEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onChange({ [field]: event.currentTarget.value }),
    onBlur: () => onLeave(field),
  });
  return (
    <>
      <SitePicker
        testId={`${prefix}site`}
        value={draft.site}
        sites={sites}
        problem={problems['site']}
        onChange={(site) => onChange({ site })}
        onLeave={() => onLeave('site')}
      />
      <StatusChoice
        prefix={prefix}
        chosen={draft.status}
        problem={problems['status']}
        onChange={(status) => onChange({ status })}
      />
      <div class="pair">
        <label class="field">
          <span>Reading</span>
          <input
            {...bind('reading')}
            inputmode="decimal"
            autocomplete="off"
            placeholder="0 – 1000"
          />
          <Problem text={problems['reading']} />
        </label>
        <label class="field">
          <span>Date</span>
          <input {...bind('inspected_on')} type="date" />
          <Problem text={problems['inspected_on']} />
        </label>
      </div>
      <label class="field">
        <span>Note</span>
        <textarea {...bind('note')} rows={2} placeholder="What should others know?" />
        <Problem text={problems['note']} />
      </label>
    </>
  );
}

interface ChoiceProps {
  readonly prefix: string;
  readonly chosen: Draft['status'];
  readonly problem: string | undefined;
  readonly onChange: (status: Inspection['status']) => void;
}

function StatusChoice({ prefix, chosen, problem, onChange }: ChoiceProps): JSX.Element {
  return (
    <fieldset class="statuses" aria-invalid={problem !== undefined}>
      <legend>Status</legend>
      {STATUSES.map((status) => (
        <label key={status} class={`status status-${status}`}>
          <input
            type="radio"
            name={`${prefix}status`}
            data-testid={`${prefix}status-${status}`}
            checked={chosen === status}
            onChange={() => onChange(status)}
          />
          <Icon name={STATUS_ICONS[status]} />
          {STATUS_WORDS[status]}
        </label>
      ))}
      <Problem text={problem} />
    </fieldset>
  );
}

function Problem({ text }: { readonly text: string | undefined }): JSX.Element {
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}
