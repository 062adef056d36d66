import { UpdraftError, type RowState, type Status, type WaitingFor } from 'airflow-updraft/client';

export const STATE_WORDS: Readonly<Record<RowState, string>> = {
  draft: 'unfinished',
  local: 'on this device',
  sending: 'on its way',
  synced: 'in Airflow',
  conflict: 'to decide',
  rejected: 'refused',
};

const WAITING_WORDS: Readonly<Record<WaitingFor, string>> = {
  network: 'waiting for a network',
  airflow: 'Airflow does not answer',
  'not-airflow': 'something else answers in Airflow’s place',
  'sign-in-page': 'a sign-in page answers in Airflow’s place',
  'refused-on-the-way': 'a change is refused on the way',
  run: 'Airflow is at work',
  'sign-in': 'sign in to Airflow to send',
  'other-user': 'somebody else is signed in to Airflow here',
  'dag-missing': 'Airflow has no DAG updraft_exchange',
  'plugin-missing': 'Airflow has no plugin of Updraft',
  'dag-paused': 'the DAG updraft_exchange is paused',
  forbidden: 'you may not send to Airflow',
  store: 'Airflow’s store does not answer',
  update: 'app and Airflow need the same version',
  storage: 'this device has no room',
  person: 'something waits for you',
};

/** Said where a list ends before its entries do. */
export const CUT_OFF = 'These are the first. Find the others by their site.';

/** The status in a line. */
export function statusWords({ unsent, waiting, phase }: Status): string {
  const work = unsent === 0 ? 'All is in Airflow' : `${unsent} not in Airflow yet`;
  if (waiting) return `${work}: ${WAITING_WORDS[waiting.for]}`;
  return phase === 'idle' ? work : `${work} …`;
}

/** Whether Airflow has to be told who this is. */
export const needsSignIn = ({ auth, waiting }: Status): boolean =>
  auth !== 'ok' || waiting?.for === 'sign-in' || waiting?.for === 'other-user';

/** An error in words for a person. */
export function errorWords(error: unknown): string {
  if (error instanceof UpdraftError && error.kind === 'unsent-work')
    return 'Some work is not in Airflow yet: send it first.';
  return error instanceof Error ? error.message : String(error);
}
