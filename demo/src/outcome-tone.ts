/** Look of an outcome; `calm` for words this app does not know. */
export type Tone = 'good' | 'warn' | 'bad' | 'calm';

/**
 * Returns the tone of an outcome of the DAG inspection_scoring. The words are shown unchanged, as
 * Airflow wrote them.
 */
export function outcomeTone(outcome: string): Tone {
  if (outcome === 'ok') return 'good';
  if (outcome === 'follow-up needed') return 'warn';
  return outcome.startsWith('rejected') ? 'bad' : 'calm';
}
