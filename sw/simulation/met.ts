import type { LoggedEvent } from '../../shared/messages.ts';
import { Killed } from './device.ts';
import { TOPICS, type Topic } from './scenes.ts';
import type { Simulation } from './setup.ts';
import type { StoryStep } from './story.ts';

/** Counts what stories really met: a draw that never leads there would prove nothing. */
export class Met {
  readonly counts: Record<Topic, number> = {
    form: 0,
    'brought back': 0,
    'merged over the limit': 0,
    'huge sum': 0,
    halved: 0,
    undeclared: 0,
  };

  /** Plays a step, and counts what it met. */
  async during(
    { devices, store }: Simulation,
    step: StoryStep,
    play: () => Promise<void>,
  ): Promise<void> {
    const known = devices.map(({ device }) => device.events.length);
    const halved = devices.map(({ network }) => network.halved);
    const before = step.step === 'airflow' && step.value !== null ? await store.rows() : [];
    await play();
    if (
      step.step === 'airflow' &&
      before.some(
        ({ collection, id, deleted }) =>
          collection === step.collection && id === step.id && deleted,
      )
    )
      this.counts['brought back'] += await unsettledOn(devices, step);
    for (const [at, { device, network }] of devices.entries()) {
      this.counts.halved += network.halved - (halved[at] ?? 0);
      for (const event of device.events.slice(known[at]))
        for (const topic of topicsOf(event, step)) this.counts[topic] += 1;
    }
  }

  /** The topics that no story has met. */
  missing(): readonly Topic[] {
    return TOPICS.filter((topic) => this.counts[topic] === 0);
  }
}

/** How many devices hold a change of the record that Airflow does not have. */
async function unsettledOn(
  devices: Simulation['devices'],
  { collection, id }: Extract<StoryStep, { step: 'airflow' }>,
): Promise<number> {
  let count = 0;
  for (const { device } of devices) {
    const { store } = (await device.worker()).world;
    const read = store.read((tx) => tx.record(collection, id, 0));
    // A worker may be killed at this read as at any; the next request starts another.
    const { pending, sealed } = await read.catch((error: unknown) => {
      if (error instanceof Killed) return { pending: undefined, sealed: undefined };
      throw error;
    });
    if (pending ?? sealed) count += 1;
  }
  return count;
}

function topicsOf(event: LoggedEvent, step: StoryStep): Topic[] {
  if (event.type === 'dead-letter')
    return event.deadLetter.reason.kind === 'unknown_collection' ? ['undeclared'] : [];
  if (event.type !== 'conflict') return [];
  const { reason, fields } = event.conflict;
  if (reason === 'invalid-merge') {
    const isSum = fields !== '*' && fields.some(({ field }) => field === 'n');
    return [isSum ? 'huge sum' : 'merged over the limit'];
  }
  return step.step === 'capture' && 'from' in step.change && step.change.from !== undefined
    ? ['form']
    : [];
}
