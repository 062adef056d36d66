import type { CallEntry, CallState } from '../../client/index.ts';
import { unreachable } from '../../shared/errors.ts';
import type { IconName } from './parts/icon.tsx';

export interface CallWords {
  readonly text: string;
  readonly tone: 'good' | 'warn' | 'bad' | 'calm';
  readonly icon: IconName;
}

const REPORTS: Readonly<Record<string, string>> = {
  daily_report: 'Daily report',
  publish_report: 'Publish the report',
};

/** Names the requested operation. */
export function callTitle({ request }: CallEntry): string {
  switch (request.operation) {
    case 'triggerDagRun':
      return REPORTS[request.dagId] ?? request.dagId;
    case 'respondToHumanInput':
      return `${request.chosen.join(', ')}: ${REPORTS[request.input.dagId] ?? request.input.dagId}`;
    case 'clearTaskInstances':
      return `Run again: ${request.taskIds.join(', ')}`;
    default:
      return unreachable(request);
  }
}

/** Names the state of a call. */
export function callWords(state: CallState, isOffline: boolean): CallWords {
  switch (state.kind) {
    case 'queued':
    case 'waiting':
      return isOffline || state.kind === 'queued'
        ? { text: 'On this device', tone: 'calm', icon: 'device' }
        : { text: 'Airflow does not answer; tried again', tone: 'warn', icon: 'clock' };
    case 'sending':
      return { text: 'Sending', tone: 'calm', icon: 'sending' };
    case 'parked':
      return { text: 'Waits for a sign-in', tone: 'warn', icon: 'key' };
    case 'held':
      return {
        text:
          state.for === 'forbidden' ? 'You may not do this in Airflow' : 'Airflow has no such DAG',
        tone: 'warn',
        icon: 'warning',
      };
    case 'accepted':
      return { text: 'Airflow has it', tone: 'calm', icon: 'clock' };
    case 'following':
      return state.paused
        ? { text: 'Waits: its DAG is paused', tone: 'warn', icon: 'clock' }
        : {
            text: state.run === 'running' ? 'Running' : 'Queued in Airflow',
            tone: 'calm',
            icon: 'clock',
          };
    case 'settled':
      return settledWords(state.outcome);
    case 'dead':
      return state.reason.kind === 'conflict'
        ? { text: 'Overtaken', tone: 'warn', icon: 'conflict' }
        : { text: 'Stopped', tone: 'bad', icon: 'warning' };
    case 'discarded':
      return { text: 'Discarded', tone: 'calm', icon: 'cross' };
    default:
      return unreachable(state);
  }
}

function settledWords(outcome: Extract<CallState, { kind: 'settled' }>['outcome']): CallWords {
  switch (outcome.kind) {
    case 'answered':
      return { text: 'Answered', tone: 'good', icon: 'synced' };
    case 'cleared':
      return { text: `${outcome.tasks} started again`, tone: 'good', icon: 'synced' };
    case 'run':
      if (outcome.state === 'success') return { text: 'Done', tone: 'good', icon: 'synced' };
      return outcome.state === 'failed'
        ? { text: 'The run failed', tone: 'bad', icon: 'warning' }
        : { text: 'The run is gone', tone: 'warn', icon: 'warning' };
    default:
      return unreachable(outcome);
  }
}

/** "just now", "5 min", "3 h", "2 days". Both in ms since 1970. */
export function ageText(since: number, now: number): string {
  const minutes = Math.floor(Math.max(0, now - since) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}
