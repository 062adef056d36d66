import * as v from 'valibot';
import type { CallConflict, ShownInput } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import { AnsweredShape, InputShape, type AnswerBody, type InputDetail } from './airflow-shapes.ts';
import { apiPath, withBody, type CallEffect, type Operation, type Requests } from './operation.ts';

/**
 * Answers a task that waits for a person. Airflow would accept the answer for a newer request of
 * the same task, so the task is read before each attempt and only the request that the person saw
 * is answered. (A request replaced between look and answer is answered all the same: Airflow has no
 * way to name the intended request.)
 */
export function respondToHumanInput(
  { input, chosen, params }: Requests['respondToHumanInput'],
  _runId: string,
  user: string,
): Operation {
  const { dagId, runId, taskId, mapIndex } = input;
  const path = apiPath(
    'dags',
    dagId,
    'dagRuns',
    runId,
    'taskInstances',
    taskId,
    mapIndex,
    'hitlDetails',
  );
  const body: AnswerBody = { chosen_options: chosen, ...(params ? { params_input: params } : {}) };
  const done: CallEffect = { kind: 'settle', outcome: { kind: 'answered', chosen } };
  return {
    repeats: 'probe',
    lane: `task:${[dagId, runId, taskId, mapIndex].join('/')}`,
    dagId,
    request: withBody('PATCH', path, body),
    read: (json) =>
      v.is(AnsweredShape, json) && isSame(json.chosen_options, chosen) ? done : undefined,
    missing: () => conflict({ conflict: 'gone' }),
    look: {
      path,
      read: (json) => {
        if (!v.is(InputShape, json)) return undefined;
        if (!isAsShown(json, input)) return conflict({ conflict: 'replaced' });
        if (!json.response_received) return 'not-done';
        const theirs = {
          by: json.responded_by_user?.name ?? null,
          chosen: json.chosen_options ?? [],
          at: json.responded_at ?? null,
        };
        // An answer that this call sent and nobody confirmed, or an equal answer from the person's
        // other device.
        return theirs.by === user && isSame(theirs.chosen, chosen)
          ? done
          : conflict({ conflict: 'answered', theirs });
      },
      missing: conflict({ conflict: 'gone' }),
    },
  };
}

function isAsShown(
  { task_instance: task, created_at, options }: InputDetail,
  shown: ShownInput,
): boolean {
  return (
    task.id === shown.taskInstanceId &&
    task.try_number === shown.tryNumber &&
    created_at === shown.createdAt &&
    isSame(options, shown.options)
  );
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((option, index) => option === b[index]);

function conflict(found: CallConflict): CallEffect {
  return { kind: 'die', reason: { kind: 'conflict', message: wordsFor(found), ...found } };
}

function wordsFor(found: CallConflict): string {
  switch (found.conflict) {
    case 'answered':
      return (
        `It was answered meanwhile${found.theirs.by === null ? '' : ` by ${found.theirs.by}`}: ` +
        `${found.theirs.chosen.join(', ')}. This answer was not sent.`
      );
    case 'replaced':
      return (
        'The task asks anew since this answer was given. ' +
        'Look at the new request; this answer was not sent.'
      );
    case 'gone':
      return 'The task no longer waits for an answer, or is gone. This answer was not sent.';
    case 'run-id-taken':
      return 'The run is not this call’s.';
    default:
      return unreachable(found);
  }
}
