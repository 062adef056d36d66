import { useState } from 'preact/hooks';
import type { Site } from './collections.ts';
import { fieldsOf, present, type Draft, type DraftField } from './draft.ts';
import { problemsOf, type Problems } from './validate.ts';

/**
 * A form's state: the typed text, and the problems of fields the person has left or tried to save.
 */
export interface DraftForm {
  readonly draft: Draft;
  readonly problems: Problems;
  /** The fields as typed, right or wrong; `undefined`: empty. */
  readonly fields: Record<DraftField, unknown>;
  readonly change: (part: Partial<Draft>) => void;
  readonly leave: (field: DraftField) => void;
  /** Returns the fields if all are valid; else makes every problem visible. */
  readonly submit: () => Record<DraftField, unknown> | undefined;
  readonly reset: (draft: Draft) => void;
}

export function useDraft(initial: Draft, sites: readonly Site[]): DraftForm {
  const [draft, setDraft] = useState(initial);
  const [left, setLeft] = useState<readonly string[]>([]);
  const fields = fieldsOf(draft, sites);
  const all = problemsOf({ id: 'new', ...present(fields) });
  return {
    draft,
    fields,
    problems: Object.fromEntries(Object.entries(all).filter(([field]) => left.includes(field))),
    change: (part) => setDraft((before) => ({ ...before, ...part })),
    // A field left empty is no mistake yet: the person may come back.
    leave: (field) =>
      setLeft((before) =>
        draft[field] === '' || before.includes(field) ? before : [...before, field],
      ),
    submit() {
      if (Object.keys(all).length === 0) return fields;
      setLeft(Object.keys(all));
      return undefined;
    },
    reset(next) {
      setDraft(next);
      setLeft([]);
    },
  };
}
