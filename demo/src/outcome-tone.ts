/** How an outcome looks; `calm` for words this app does not know. */
export type Tone = 'good' | 'warn' | 'bad' | 'calm';

/** The tone of what the DAG inspection_scoring wrote. The words themselves are shown as they are: they are Airflow's. */
export function outcomeTone(outcome: string): Tone {
  if (outcome === 'ok') return 'good';
  if (outcome === 'follow-up needed') return 'warn';
  return outcome.startsWith('rejected') ? 'bad' : 'calm';
}
