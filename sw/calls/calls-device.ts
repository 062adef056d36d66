import type {
  CallEntry,
  CallRequest,
  CallState,
  PendingInput,
  PendingInputs,
} from '../../shared/calls.ts';
import type { DeadLetter } from '../../shared/row.ts';
import type { Status } from '../../shared/status.ts';
import { SimulatedDevice } from '../simulation/device.ts';
import { TestAirflow } from '../testing/test-airflow.ts';
import { TestServer } from '../testing/test-server.ts';
import { createAirflowApi } from './airflow-session.ts';
import type { Credentials } from '../transport/credentials.ts';
import type { CallsAllowed } from './operations.ts';

const given = { headers: {}, credentials: 'omit' } as const;
export const SIGNED_IN: Credentials = {
  authorize: async () => given,
  unchecked: async () => given,
  forget: async () => undefined,
  signIn: async () => undefined,
};
const EVERYTHING: CallsAllowed = {
  triggerDagRun: true,
  respondToHumanInput: true,
  clearTaskInstances: true,
};

/** For tests: a device that queues calls, with its Airflow. */
export class CallsDevice extends SimulatedDevice {
  readonly airflow: TestAirflow;
  /** Read anew by each worker that starts. */
  readonly credentials: Credentials;
  #requests = 0;

  static async signedIn(
    allowed = EVERYTHING,
    credentials = SIGNED_IN,
    airflow = new TestAirflow(),
  ): Promise<CallsDevice> {
    const device = new CallsDevice(allowed, credentials, airflow);
    await device.signIn();
    await device.drain();
    return device;
  }

  private constructor(allowed: CallsAllowed, credentials: Credentials, airflow: TestAirflow) {
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    super({
      user: 'ana',
      declarations: {},
      transport: new TestServer().transport,
      random,
      calls: { allowed, api: createAirflowApi({ http: airflow.http, credentials }) },
    });
    this.airflow = airflow;
    this.credentials = credentials;
  }

  async call(request: CallRequest, requestId = `call${++this.#requests}`): Promise<string> {
    return ((await this.ask({ type: 'call', requestId, request })) as { id: string }).id;
  }
  trigger = (dagId: string, conf: object = {}): Promise<string> =>
    this.call({ operation: 'triggerDagRun', dagId, conf: conf as never });
  respond = (
    {
      subject: _s,
      body: _b,
      multiple: _m,
      defaults: _d,
      params: _p,
      answeredBy: _a,
      ...input
    }: PendingInput,
    ...chosen: string[]
  ): Promise<string> => this.call({ operation: 'respondToHumanInput', input, chosen });
  clear = (dagId: string, runId: string, ...taskIds: string[]): Promise<string> =>
    this.call({ operation: 'clearTaskInstances', dagId, runId, taskIds });

  calls = async (): Promise<readonly CallEntry[]> =>
    (await this.ask({ type: 'calls' })) as readonly CallEntry[];
  inputs = async (): Promise<PendingInputs> =>
    (await this.ask({ type: 'pending-inputs' })) as PendingInputs;
  letters = async (): Promise<readonly DeadLetter[]> =>
    (await this.ask({ type: 'dead-letters' })) as readonly DeadLetter[];
  status = async (): Promise<Status> => (await this.ask({ type: 'status' })) as Status;
  async state(id: string): Promise<CallState | undefined> {
    return (await this.calls()).find((call) => call.id === id)?.state;
  }
  /** The kinds of state that pages heard of, in order. */
  told = (id: string): string[] =>
    this.events.flatMap((event) =>
      event.type === 'call' && event.call.id === id ? [event.call.state.kind] : [],
    );

  /** Lets time pass; then a page's heartbeat wakes the worker. */
  async later(ms = 60_000): Promise<void> {
    this.now += ms;
    await this.drain('heartbeat');
  }
}
