import * as v from 'valibot';
import type { CallConflict, ShownInput } from '../../shared/calls.ts';
import { unreachable } from '../../shared/errors.ts';
import { AnsweredShape, InputShape, type AnswerBody, type InputDetail } from './airflow-shapes.ts';
import { apiPath, withBody, type CallEffect, type Operation, type Requests } from './operation.ts';

/**
 * Airflow lets an answer land on a newer request of the same task, so it is asked each time before the answer goes: only the very request that the person
 * was shown is answered. (A request replaced in the moment between the two is answered still: Airflow has no way to name the one that is meant.)
 */
export function respondToHumanInput({ input, chosen, params }: Requests['respondToHumanInput'], _runId: string, user: string): Operation {
  const { dagId, runId, taskId, mapIndex } = input;
  const path = apiPath('dags', dagId, 'dagRuns', runId, 'taskInstances', taskId, mapIndex, 'hitlDetails');
  const body: AnswerBody = { chosen_options: chosen, ...(params ? { params_input: params } : {}) };
  const done: CallEffect = { effect: 'settle', outcome: { kind: 'answered', chosen } };
  return {
    repeats: 'probe',
    lane: `task:${[dagId, runId, taskId, mapIndex].join('/')}`,
    dagId,
    request: withBody('PATCH', path, body),
    read: (json) => (v.is(AnsweredShape, json) && isSame(json.chosen_options, chosen) ? done : undefined),
    missing: () => conflict({ conflict: 'gone' }),
    look: {
      path,
      read: (json) => {
        if (!v.is(InputShape, json)) return undefined;
        if (!isAsShown(json, input)) return conflict({ conflict: 'replaced' });
        if (!json.response_received) return 'not-done';
        const theirs = { by: json.responded_by_user?.name ?? null, chosen: json.chosen_options ?? [], at: json.responded_at ?? null };
        // Its own answer, sent before and never confirmed, or the same one from the person's other device.
        return theirs.by === user && isSame(theirs.chosen, chosen) ? done : conflict({ conflict: 'answered', theirs });
      },
      missing: conflict({ conflict: 'gone' }),
    },
  };
}

function isAsShown({ task_instance: task, created_at, options }: InputDetail, shown: ShownInput): boolean {
  return task.id === shown.taskInstanceId && task.try_number === shown.tryNumber && created_at === shown.createdAt && isSame(options, shown.options);
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((option, index) => option === b[index]);

function conflict(is: CallConflict): CallEffect {
  return { effect: 'die', reason: { kind: 'conflict', message: wordsFor(is), ...is } };
}

function wordsFor(is: CallConflict): string {
  switch (is.conflict) {
    case 'answered':
      return `It was answered meanwhile${is.theirs.by === null ? '' : ` by ${is.theirs.by}`}: ${is.theirs.chosen.join(', ')}. This answer was not sent.`;
    case 'replaced':
      return 'The task asks anew since this answer was given. Look at the new request; this answer was not sent.';
    case 'gone':
      return 'The task no longer waits for an answer, or is gone. This answer was not sent.';
    case 'run-id-taken':
      return 'The run is not this call’s.';
    default:
      return unreachable(is);
  }
}
