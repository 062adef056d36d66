import * as v from 'valibot';
import { mapOf } from '../../shared/mutation.ts';
import type { components } from './airflow-api.ts';

type Schemas = components['schemas'];
/**
 * Checks the named fields as Airflow's OpenAPI document types them and ignores every other field.
 */
type ShapeOf<S extends keyof Schemas, F extends keyof Schemas[S]> = v.GenericSchema<
  Pick<Schemas[S], F>
>;

/** Request bodies. */
export type TriggerBody = Schemas['TriggerDAGRunPostBody'];
export type ClearBody = Schemas['ClearTaskInstancesBody'];
export type AnswerBody = Schemas['UpdateHITLDetailPayload'];
export type InputDetail = Schemas['HITLDetail'];

const texts = v.array(v.string());
const map = mapOf<unknown>(() => true);

export const RunShape: ShapeOf<
  'DAGRunResponse',
  'dag_run_id' | 'dag_id' | 'state' | 'conf' | 'triggering_user_name'
> = v.object({
  dag_run_id: v.string(),
  dag_id: v.string(),
  state: v.picklist(['queued', 'running', 'success', 'failed']),
  conf: v.nullable(map),
  triggering_user_name: v.nullable(v.string()),
});

export const DagShape: ShapeOf<'DAGResponse', 'is_paused'> = v.object({ is_paused: v.boolean() });

const TaskShape: v.GenericSchema<Schemas['TaskInstanceResponse']> = v.object({
  id: v.string(),
  dag_id: v.string(),
  dag_run_id: v.string(),
  task_id: v.string(),
  map_index: v.number(),
  try_number: v.number(),
});
export const ClearedShape: ShapeOf<'TaskInstanceCollectionResponse', 'task_instances'> = v.object({
  task_instances: v.array(TaskShape),
});

export const AnsweredShape: ShapeOf<'HITLDetailResponse', 'chosen_options'> = v.object({
  chosen_options: texts,
});

const UserShape = v.object({ id: v.string(), name: v.string() });
export const InputShape: v.GenericSchema<InputDetail> = v.object({
  options: texts,
  subject: v.string(),
  body: v.exactOptional(v.nullable(v.string())),
  defaults: v.exactOptional(v.nullable(texts)),
  multiple: v.exactOptional(v.boolean()),
  params: v.exactOptional(map),
  assigned_users: v.exactOptional(v.array(UserShape)),
  created_at: v.string(),
  responded_by_user: v.exactOptional(v.nullable(UserShape)),
  responded_at: v.exactOptional(v.nullable(v.string())),
  chosen_options: v.exactOptional(v.nullable(texts)),
  response_received: v.exactOptional(v.boolean()),
  task_instance: TaskShape,
});
/**
 * A page of input requests. Each entry is parsed separately, so that an unreadable entry hides no
 * other.
 */
export const InputsShape = v.object({
  hitl_details: v.array(v.unknown()),
  total_entries: v.number(),
});
