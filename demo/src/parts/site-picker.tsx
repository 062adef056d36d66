import type { InputHTMLAttributes, JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Site } from '../collections.ts';
import { matchingSites, siteIdOf, siteLabel } from '../draft.ts';

interface Props {
  readonly value: string;
  readonly sites: readonly Site[];
  readonly onChange: (value: string) => void;
  readonly onLeave: () => void;
  readonly problem?: string | undefined;
  readonly testId: string;
}

const SHOWN_MAX = 50;

/**
 * A searchable choice of sites, from the sites on this device (ARIA Authoring Practices: editable
 * combobox with list).
 */
export function SitePicker(props: Props): JSX.Element {
  const { value, sites, problem, testId } = props;
  const id = useId();
  const { isOpen, active, matches, choose, inputHandlers } = usePicker(props);
  return (
    <div class="field picker">
      <label for={id}>Site</label>
      <input
        id={id}
        data-testid={testId}
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && matches[active] ? `${id}-${active}` : undefined}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-problem`}
        autocomplete="off"
        placeholder={
          sites.length === 0
            ? 'Id of the site; the list has not arrived yet'
            : 'Search by name, id or region'
        }
        value={value}
        {...inputHandlers}
      />
      <SiteOptions
        id={id}
        sites={matches}
        active={active}
        isHidden={!isOpen || matches.length === 0}
        onChoose={choose}
      />
      <p id={`${id}-problem`} class="problem" role="alert">
        {problem}
      </p>
    </div>
  );
}

type InputHandlers = Required<
  Pick<InputHTMLAttributes, 'onInput' | 'onFocus' | 'onClick' | 'onKeyDown' | 'onBlur'>
>;

interface Picker {
  readonly isOpen: boolean;
  /** Place of the highlighted site in `matches`. */
  readonly active: number;
  readonly matches: readonly Site[];
  readonly choose: (site: Site | undefined) => void;
  readonly inputHandlers: InputHandlers;
}

/** The state of list and text, moved by keys and pointer. */
function usePicker({ value, sites, onChange, onLeave }: Props): Picker {
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  // A chosen site does not narrow the list to itself: the next tap shows all sites again.
  const isChosen = siteIdOf(value, sites) !== undefined;
  const matches = (isChosen ? sites : matchingSites(value, sites)).slice(0, SHOWN_MAX);
  const choose = (site: Site | undefined): void => {
    if (site) onChange(siteLabel(site.id, sites));
    setOpen(false);
  };
  const onKeyDown: InputHandlers['onKeyDown'] = (event) => {
    if (event.key === 'Escape') setOpen(false);
    if (event.key === 'Enter' && isOpen) {
      event.preventDefault();
      choose(matches[active]);
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    setOpen(true);
    setActive((before) =>
      Math.min(Math.max(before + (event.key === 'ArrowDown' ? 1 : -1), 0), matches.length - 1),
    );
  };
  const inputHandlers: InputHandlers = {
    onInput: (event) => {
      onChange(event.currentTarget.value);
      // A person who types a whole id needs no list over the next field.
      setOpen(siteIdOf(event.currentTarget.value, sites) === undefined);
      setActive(0);
    },
    onFocus: (event) => event.currentTarget.select(),
    onClick: () => setOpen(true),
    onKeyDown,
    onBlur: () => {
      setOpen(false);
      const site = siteIdOf(value, sites);
      if (site !== undefined) onChange(siteLabel(site, sites));
      onLeave();
    },
  };
  return { isOpen, active, matches, choose, inputHandlers };
}

interface OptionsProps {
  readonly id: string;
  readonly sites: readonly Site[];
  readonly active: number;
  readonly isHidden: boolean;
  readonly onChoose: (site: Site) => void;
}

function SiteOptions({ id, sites, active, isHidden, onChoose }: OptionsProps): JSX.Element {
  return (
    <ul id={`${id}-list`} role="listbox" aria-label="Sites" hidden={isHidden}>
      {sites.map((site, index) => (
        <li
          id={`${id}-${index}`}
          key={site.id}
          role="option"
          aria-selected={index === active}
          // Pointer down, not click: the input would lose the focus first and close the list.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(site)}
        >
          <b>{site.name}</b>
          <span>{[site.id, site.region].filter(Boolean).join(' · ')}</span>
        </li>
      ))}
    </ul>
  );
}
