import type { ComponentChildren, JSX } from 'preact';

interface Props {
  readonly name: string;
  readonly testId: string;
  readonly title: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
  readonly children: ComponentChildren;
}

/** A side of a conflict, as a big radio button. */
export function Tile({ name, testId, title, isChosen, onChoose, children }: Props): JSX.Element {
  return (
    <label class={isChosen ? 'tile chosen' : 'tile'}>
      <input type="radio" name={name} data-testid={testId} checked={isChosen} onChange={onChoose} />
      <span class="tile-title">{title}</span>
      <span class="tile-value">{children}</span>
    </label>
  );
}
