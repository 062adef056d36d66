import type { JSX } from 'preact';
import type { DraftForm } from '../use-draft.ts';

interface Props {
  readonly form: DraftForm;
  readonly isReady: boolean;
  readonly keep: (fields: DraftForm['fields']) => unknown;
}

/** Keeps a form with problems on the device, to be finished later; absent while there are none. */
export function KeepUnfinished({ form, isReady, keep }: Props): JSX.Element | null {
  if (Object.keys(form.problems).length === 0) return null;
  return (
    <button
      type="button"
      class="button wide"
      data-testid="keep-unfinished"
      disabled={!isReady}
      onClick={() => void keep(form.fields)}
    >
      Keep unfinished
    </button>
  );
}
