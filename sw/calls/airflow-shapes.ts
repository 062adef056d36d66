import * as v from 'valibot';
import { mapOf } from '../../shared/mutation.ts';
import type { components } from './airflow-api.ts';

type Schemas = components['schemas'];
/** Reads these fields as Airflow's own document types them; whatever else an answer holds is left alone. */
type ShapeOf<S extends keyof Schemas, F extends keyof Schemas[S]> = v.GenericSchema<Pick<Schemas[S], F>>;

/** What is sent. */
export type TriggerBody = Schemas['TriggerDAGRunPostBody'];
export type ClearBody = Schemas['ClearTaskInstancesBody'];
export type AnswerBody = Schemas['UpdateHITLDetailPayload'];
export type InputDetail = Schemas['HITLDetail'];

const texts = v.array(v.string());
const map = mapOf<unknown>(() => true);

export const RunShape: ShapeOf<'DAGRunResponse', 'dag_run_id' | 'dag_id' | 'state' | 'conf' | 'triggering_user_name'> = v.object({
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
export const ClearedShape: ShapeOf<'TaskInstanceCollectionResponse', 'task_instances'> = v.object({ task_instances: v.array(TaskShape) });

export const AnsweredShape: ShapeOf<'HITLDetailResponse', 'chosen_options'> = v.object({ chosen_options: texts });

export const InputShape: v.GenericSchema<InputDetail> = v.object({
  options: texts,
  subject: v.string(),
  body: v.exactOptional(v.nullable(v.string())),
  defaults: v.exactOptional(v.nullable(texts)),
  multiple: v.exactOptional(v.boolean()),
  params: v.exactOptional(map),
  created_at: v.string(),
  responded_by_user: v.exactOptional(v.nullable(v.object({ id: v.string(), name: v.string() }))),
  responded_at: v.exactOptional(v.nullable(v.string())),
  chosen_options: v.exactOptional(v.nullable(texts)),
  response_received: v.exactOptional(v.boolean()),
  task_instance: TaskShape,
});
export const InputsShape: v.GenericSchema<Schemas['HITLDetailCollection']> = v.object({ hitl_details: v.array(InputShape), total_entries: v.number() });
