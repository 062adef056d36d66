import { useDeadLetters } from 'airflow-updraft/react';
import { useUpdraft } from '../hooks.ts';
import { COLLECTION } from '../settings.ts';
import { useAction } from '../use-action.ts';

/** Changes that Airflow refused: kept until a person decides. */
export function Refused() {
  const { data: letters } = useDeadLetters();
  const { data: updraft } = useUpdraft();
  const [problem, run] = useAction();
  return (
    <>
      {letters?.map((letter) =>
        letter.kind === 'call' ? null : (
          <div className="problem" key={letter.id}>
            <p>Airflow refused a change: {letter.reason.message}</p>
            <button onClick={() => void run(async () => updraft?.retry(letter))}>Try again</button>
            <button onClick={() => void run(async () => updraft?.discard(COLLECTION, letter.id))}>
              Give it up
            </button>
          </div>
        ),
      )}
      {problem && <p role="alert">{problem}</p>}
    </>
  );
}
