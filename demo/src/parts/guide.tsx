import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { AIRFLOW, dagUrl } from '../airflow.ts';
import type { Site } from '../collections.ts';
import type { Network } from '../network.ts';
import { recall, remember } from '../remembered.ts';
import { secondDeviceUrl } from '../second-device.ts';
import type { Inspections } from '../use-live.ts';
import { AirflowChange } from './airflow-change.tsx';
import { Icon } from './icon.tsx';

interface Props {
  readonly network: Network;
  readonly inspections: Inspections;
  readonly sites: readonly Site[];
  /** Whether news from Airflow come by themselves. */
  readonly isLive: boolean;
  readonly onNetwork: (offline: boolean) => void;
  readonly onChanged: () => void;
}
const WIDE = '(min-width: 800px)';

const PIPELINE_DAG = 'inspection_scoring';

/** The whole idea in five steps, for a first-time visitor. */
export function Guide({
  network,
  inspections,
  sites,
  isLive,
  onNetwork,
  onChanged,
}: Props): JSX.Element {
  const [isOpen] = useState(
    () => (recall('guide') ?? (matchMedia(WIDE).matches ? 'open' : 'closed')) === 'open',
  );
  const other = secondDeviceUrl(location.href);
  return (
    <details
      class="card guide"
      open={isOpen}
      onToggle={(event) => remember('guide', event.currentTarget.open ? 'open' : 'closed')}
    >
      <summary data-testid="guide">
        See the idea in five minutes <Icon name="down" />
      </summary>
      <ol class="steps">
        <li>
          <h3>Cut the network</h3>
          <p>Save or edit something: it is on this device at once, also after a reload.</p>
          <NetworkSwitch network={network} onNetwork={onNetwork} />
        </li>
        <li>
          <h3>Change it elsewhere</h3>
          <p>The same record on a second device, signed in as ben …</p>
          {other ? (
            <LinkButton testId="second-device" href={other} text="Second device" />
          ) : (
            <p class="hint">Open this page in a private window or on a phone.</p>
          )}
        </li>
        <li>
          <h3>… or in Airflow itself</h3>
          <p>A DAG run changes it, as from the office.</p>
          <AirflowChange
            inspections={inspections}
            sites={sites}
            isLive={isLive}
            onDone={onChanged}
          />
        </li>
        <li>
          <h3>Reconnect and watch</h3>
          <p>All of it goes in one batch. What both sides changed, you decide.</p>
          <LinkButton testId="open-airflow" href={`${AIRFLOW}/`} text="Open Airflow" />
        </li>
        <li>
          <h3>Let a pipeline answer</h3>
          <p>
            Save a failing inspection. In Airflow a DAG starts by itself and scores it; score and
            follow-up arrive here {isLive ? 'within seconds' : 'with a later exchange'}.
          </p>
          <LinkButton testId="open-pipeline" href={dagUrl(PIPELINE_DAG)} text="The DAG" />
        </li>
      </ol>
    </details>
  );
}

function NetworkSwitch({ network, onNetwork }: Pick<Props, 'network' | 'onNetwork'>): JSX.Element {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        data-testid="simulate-offline"
        checked={network.simulated}
        onChange={(event) => onNetwork(event.currentTarget.checked)}
      />
      <span>No network</span>
    </label>
  );
}

interface LinkProps {
  readonly testId: string;
  readonly href: string;
  readonly text: string;
}

function LinkButton({ testId, href, text }: LinkProps): JSX.Element {
  return (
    <a class="button small" data-testid={testId} href={href} target="_blank" rel="noopener">
      <Icon name="external" /> {text}
    </a>
  );
}
