import type { Authorization, Http, HttpReply, HttpRequest } from './transport/http.ts';

/** What happens to one request: it never arrives; it is done and the answer is lost, or is not Airflow's; or it is answered so, without being done. */
export type Fault = 'request-lost' | 'answer-lost' | 'portal' | 'broken' | HttpReply | Promise<HttpReply>;

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
  chosen?: readonly string[];
  by?: string;
}

const json = (status: number, body: unknown): HttpReply => ({ kind: 'http', status, json: body });
const detail = (status: number, words: unknown): HttpReply => json(status, { detail: words });
/** Done, and nobody hears that it is. */
const AFTER_DONE: Readonly<Record<string, HttpReply>> = {
  'answer-lost': { kind: 'failed', why: 'network' },
  portal: json(200, undefined),
  broken: json(500, undefined),
};

/** For tests: the few words of Airflow's REST API that calls speak. What the real one says is for the acceptance tests to show. */
export class TestAirflow {
  readonly dags = new Map<string, { paused: boolean; runs: Map<string, Run> }>();
  readonly inputs = new Map<string, Input>();
  readonly cleared: string[] = [];
  /** `METHOD path` of every request, in order. */
  readonly log: string[] = [];
  /** By what the request's `METHOD path` contains, once each. */
  readonly faults: { readonly on: string; readonly fault: Fault }[] = [];
  user = 'ana';

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
    if (path.includes('/hitlDetails')) return this.#input(method, parts, sent);
    const dag = this.dags.get(dagId);
    if (!dag) return detail(404, `Dag with dag_id: '${dagId}' not found`);
    if (kind === undefined) return json(200, { is_paused: dag.paused });
    if (kind === 'clearTaskInstances') {
      this.cleared.push(...(sent.task_ids ?? []));
      const task = { id: 'ti', dag_id: dagId, dag_run_id: sent.dag_run_id, map_index: -1, try_number: 1 };
      return json(200, { task_instances: (sent.task_ids ?? []).map((task_id) => ({ ...task, task_id })) });
    }
    if (method === 'GET') return this.#run(dagId, runId, dag.runs.get(runId));
    const { dag_run_id: id = '', conf = {} } = sent;
    if (conf.poison) return detail(422, [{ loc: ['body', 'conf'], msg: 'poison is not wanted' }]);
    if (dag.runs.has(id)) return detail(409, { reason: 'Unique constraint violation' });
    dag.runs.set(id, { conf, state: 'queued' });
    return this.#run(dagId, id, dag.runs.get(id));
  }

  #run(dagId: string, runId: string, run: Run | undefined): HttpReply {
    return run ? json(200, { dag_run_id: runId, dag_id: dagId, triggering_user_name: this.user, ...run }) : detail(404, 'The DagRun was not found');
  }

  #input(method: string, [, dagId = '', , runId = '', , taskId = '', mapIndex = '']: string[], sent: Sent): HttpReply {
    if (dagId === '~') return json(200, { hitl_details: [...this.inputs.keys()].flatMap((key) => this.#detail(key)), total_entries: this.inputs.size });
    const key = [dagId, runId, taskId, mapIndex].join('/');
    const input = this.inputs.get(key);
    if (!input) return detail(404, 'The Task Instance was not found');
    if (method === 'GET') return json(200, this.#detail(key, true)[0]);
    if (input.by !== undefined) return detail(409, 'Human-in-the-loop detail has already been updated');
    Object.assign(input, { by: this.user, chosen: sent.chosen_options });
    return json(200, { chosen_options: input.chosen });
  }

  /** Answered ones are not in the list, unless they are asked for. */
  #detail(key: string, isAsked = false): object[] {
    const [dag_id = '', dag_run_id = '', task_id = '', map_index] = key.split('/');
    const input = this.inputs.get(key);
    if (!input || (input.by !== undefined && !isAsked)) return [];
    const { id, tryNumber, createdAt, options, by, chosen } = input;
    return [
      {
        subject: `Approve ${task_id}?`,
        options,
        created_at: createdAt,
        response_received: by !== undefined,
        responded_by_user: by === undefined ? null : { id: by, name: by },
        chosen_options: chosen ?? null,
        task_instance: { id, try_number: tryNumber, dag_id, dag_run_id, task_id, map_index: Number(map_index) },
      },
    ];
  }
}
