import type { Authorization, Http, HttpReply, HttpRequest } from '../transport/http.ts';

/**
 * The fate of a request: lost before arrival; done, with the answer lost or replaced by a portal's
 * or a broken proxy's; or answered with the given reply, without being done.
 */
export type Fault =
  | 'request-lost'
  | 'answer-lost'
  | 'portal'
  | 'broken'
  | HttpReply
  | Promise<HttpReply>;

/** The bodies that calls send. */
interface Sent {
  readonly dag_run_id?: string;
  readonly conf?: { readonly poison?: boolean };
  readonly task_ids?: readonly string[];
  readonly chosen_options?: readonly string[];
}
interface Run {
  conf: unknown;
  state: string;
}
interface Input {
  readonly id: string;
  readonly tryNumber: number;
  readonly createdAt: string;
  readonly options: readonly string[];
  readonly assigned?: readonly string[];
  chosen?: readonly string[];
  by?: string;
}

const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const detail = (status: number, words: unknown): HttpReply => json(status, { detail: words });
/** Replies to a request that was done, hiding that fact from the caller. */
const AFTER_DONE: Readonly<Record<string, HttpReply>> = {
  'answer-lost': { kind: 'failed', why: 'network' },
  portal: json(200, undefined),
  broken: json(500, undefined),
};

/**
 * For tests: the part of Airflow's REST API that calls use. The acceptance tests show the real
 * answers.
 */
export class TestAirflow {
  readonly dags = new Map<string, { paused: boolean; runs: Map<string, Run> }>();
  readonly inputs = new Map<string, Input>();
  readonly cleared: string[] = [];
  /** `METHOD path` of every request, in order. */
  readonly log: string[] = [];
  /** Faults, used once each, for the first request whose `METHOD path` contains `on`. */
  readonly faults: { readonly on: string; readonly fault: Fault }[] = [];
  user = 'ana';
  /** The longest page of tasks in an answer. */
  pageMax = 100;

  addDag(dagId: string, paused = false): void {
    this.dags.set(dagId, { paused, runs: new Map() });
  }

  http: Http = async (request: HttpRequest, _authorization: Authorization): Promise<HttpReply> => {
    const line = `${request.method} ${request.path}`;
    this.log.push(line);
    const at = this.faults.findIndex(({ on }) => line.includes(on));
    const fault = at < 0 ? undefined : this.faults.splice(at, 1)[0]?.fault;
    if (fault === undefined) return this.#answer(request);
    if (fault === 'request-lost') return { kind: 'failed', why: 'network' };
    if (typeof fault !== 'string') return fault;
    this.#answer(request);
    return AFTER_DONE[fault] ?? detail(500, 'a fault without an answer');
  };

  #answer({ method, path, body }: HttpRequest): HttpReply {
    const parts = (path.split('?')[0] ?? '').split('/').slice(3).map(decodeURIComponent);
    const sent = (body === undefined ? {} : JSON.parse(body)) as Sent;
    const [, dagId = '', kind, runId = ''] = parts;
    if (path.includes('/hitlDetails'))
      return runId === '~'
        ? this.#inputs(dagId, new URLSearchParams(path.split('?')[1]))
        : this.#input(method, parts, sent);
    const dag = this.dags.get(dagId);
    if (!dag) return detail(404, `Dag with dag_id: '${dagId}' not found`);
    if (kind === undefined) return json(200, { is_paused: dag.paused });
    if (kind === 'clearTaskInstances') {
      this.cleared.push(...(sent.task_ids ?? []));
      const task = {
        id: 'ti',
        dag_id: dagId,
        dag_run_id: sent.dag_run_id,
        map_index: -1,
        try_number: 1,
      };
      return json(200, {
        task_instances: (sent.task_ids ?? []).map((task_id) => ({ ...task, task_id })),
      });
    }
    if (method === 'GET') return this.#run(dagId, runId, dag.runs.get(runId));
    const { dag_run_id: id = '', conf = {} } = sent;
    if (conf.poison) return detail(422, [{ loc: ['body', 'conf'], msg: 'poison is not wanted' }]);
    if (dag.runs.has(id)) return detail(409, { reason: 'Unique constraint violation' });
    dag.runs.set(id, { conf, state: 'queued' });
    return this.#run(dagId, id, dag.runs.get(id));
  }

  #run(dagId: string, runId: string, run: Run | undefined): HttpReply {
    return run
      ? json(200, { dag_run_id: runId, dag_id: dagId, triggering_user_name: this.user, ...run })
      : detail(404, 'The DagRun was not found');
  }

  /** Returns a page of the waiting tasks of a DAG, or of all DAGs. */
  #inputs(dagId: string, query: URLSearchParams): HttpReply {
    if (dagId !== '~' && !this.dags.has(dagId)) return detail(404, 'The Dag was not found');
    const waiting = [...this.inputs.keys()]
      .filter((key) => dagId === '~' || key.startsWith(`${dagId}/`))
      .flatMap((key) => this.#detail(key));
    const offset = Number(query.get('offset') ?? 0);
    const limit = Math.min(this.pageMax, Number(query.get('limit')));
    return json(200, {
      hitl_details: waiting.slice(offset, offset + limit),
      total_entries: waiting.length,
    });
  }

  #input(
    method: string,
    [, dagId = '', , runId = '', , taskId = '', mapIndex = '']: string[],
    sent: Sent,
  ): HttpReply {
    const key = [dagId, runId, taskId, mapIndex].join('/');
    const input = this.inputs.get(key);
    if (!input) return detail(404, 'The Task Instance was not found');
    if (method === 'GET') return json(200, this.#detail(key, true)[0]);
    if (input.assigned && !input.assigned.includes(this.user))
      return detail(403, `User=${this.user} (id=${this.user}) is not a respondent for the task.`);
    if (input.by !== undefined)
      return detail(409, 'Human-in-the-loop detail has already been updated');
    Object.assign(input, { by: this.user, chosen: sent.chosen_options });
    return json(200, { chosen_options: input.chosen });
  }

  /** Returns a task's details. Answered tasks are listed only if `isAsked`. */
  #detail(key: string, isAsked = false): object[] {
    const [dag_id = '', dag_run_id = '', task_id = '', map_index] = key.split('/');
    const input = this.inputs.get(key);
    if (!input || (input.by !== undefined && !isAsked)) return [];
    const { id, tryNumber, createdAt, options, by, chosen, assigned = [] } = input;
    return [
      {
        subject: `Approve ${task_id}?`,
        options,
        created_at: createdAt,
        response_received: by !== undefined,
        responded_by_user: by === undefined ? null : { id: by, name: by },
        chosen_options: chosen ?? null,
        assigned_users: assigned.map((name) => ({ id: name, name })),
        task_instance: {
          id,
          try_number: tryNumber,
          dag_id,
          dag_run_id,
          task_id,
          map_index: Number(map_index),
        },
      },
    ];
  }
}
