// The part of Airflow's OpenAPI document that queued calls use: small enough for a review, and for
// the comparison with a running Airflow.

/** @typedef {{ readonly [key: string]: any }} Node an object of the document */

const DAG = '/api/v2/dags/{dag_id}';
const RUN = `${DAG}/dagRuns/{dag_run_id}`;
const INPUT = `${RUN}/taskInstances/{task_id}/{map_index}/hitlDetails`;

/**
 * The called operations, with their query parameters.
 * @type {ReadonlyArray<readonly [path: string, method: string, query?: readonly string[]]>}
 */
const OPERATIONS = [
  [DAG, 'get'],
  [`${DAG}/dagRuns`, 'post'],
  [RUN, 'get'],
  [`${DAG}/clearTaskInstances`, 'post'],
  [`${RUN}/hitlDetails`, 'get', ['response_received', 'limit', 'offset', 'order_by']],
  [INPUT, 'get'],
  [INPUT, 'patch'],
];

/**
 * The properties used of each schema; an unlisted schema is kept whole.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const PROPERTIES = {
  TriggerDAGRunPostBody: ['dag_run_id', 'logical_date', 'conf', 'note'],
  DAGRunResponse: ['dag_run_id', 'dag_id', 'state', 'conf', 'triggering_user_name'],
  DAGResponse: ['is_paused'],
  ClearTaskInstancesBody: ['dry_run', 'only_failed', 'reset_dag_runs', 'dag_run_id', 'task_ids'],
  TaskInstanceCollectionResponse: ['task_instances'],
  TaskInstanceResponse: ['id', 'dag_id', 'dag_run_id', 'task_id', 'map_index', 'try_number'],
  HITLDetail: [
    'options',
    'subject',
    'body',
    'defaults',
    'multiple',
    'params',
    'assigned_users',
    'created_at',
    'responded_by_user',
    'responded_at',
    'chosen_options',
    'response_received',
    'task_instance',
  ],
  HITLDetailResponse: ['chosen_options'],
};

/** Keywords for people, not for a program. */
const NOTES = ['title', 'description', 'default', 'examples', 'minItems', 'format'];
const REF = '#/components/schemas/';

/**
 * Returns the trimmed document: the operations above, and the named schemas.
 * @param {Node} document
 * @returns {Node}
 */
export function trimOpenApi(document) {
  /** @type {Record<string, Node>} */
  const paths = {};
  for (const [path, method, query = []] of OPERATIONS) {
    const operation = document['paths'][path]?.[method];
    if (operation) paths[path] = { ...paths[path], [method]: trimOperation(operation, query) };
  }
  return {
    openapi: document['openapi'],
    info: { title: 'What Updraft asks of Airflow', version: '2' },
    paths,
    components: { schemas: named(document, paths) },
  };
}

/** @param {Node} operation @param {readonly string[]} query */
function trimOperation({ parameters = [], requestBody, responses }, query) {
  const isUsed = (/** @type {Node} */ parameter) =>
    parameter['in'] === 'path' || query.includes(parameter['name']);
  return {
    parameters: parameters
      .filter(isUsed)
      .map((/** @type {Node} */ { name, in: place, required, schema }) => ({
        name,
        in: place,
        required,
        schema: trimSchema(schema),
      })),
    ...(requestBody && {
      requestBody: { required: true, content: trimContent(requestBody.content) },
    }),
    responses: { 200: { description: 'done', content: trimContent(responses['200'].content) } },
  };
}

/** @param {Node} content */
const trimContent = (content) => ({
  'application/json': { schema: trimSchema(content['application/json'].schema) },
});

/** @param {unknown} schema @returns {any} */
function trimSchema(schema) {
  if (Array.isArray(schema)) return schema.map(trimSchema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { properties, ...rest } = /** @type {Node} */ (schema);
  const trimmed = Object.fromEntries(
    Object.entries(rest).flatMap(([key, value]) =>
      NOTES.includes(key) || value === false ? [] : [[key, trimSchema(value)]],
    ),
  );
  const fields =
    properties &&
    Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, trimSchema(value)]),
    );
  return fields ? { ...trimmed, properties: fields } : trimmed;
}

/**
 * Returns the schemas that the paths name, directly or by another schema.
 * @param {Node} document
 * @param {Node} paths
 */
function named(document, paths) {
  /** @type {Record<string, Node>} */
  const schemas = {};
  const visit = (/** @type {unknown} */ node) => {
    for (const [, name = ''] of JSON.stringify(node).matchAll(new RegExp(`"${REF}(\\w+)"`, 'g'))) {
      if (schemas[name]) continue;
      schemas[name] = onlyUsed(trimSchema(document['components'].schemas[name]), PROPERTIES[name]);
      visit(schemas[name]);
    }
  };
  visit(paths);
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {Node} schema @param {readonly string[] | undefined} used @returns {Node} */
function onlyUsed(schema, used) {
  if (!used || !schema['properties']) return schema;
  const properties = Object.fromEntries(
    used.flatMap((name) =>
      schema['properties'][name] ? [[name, schema['properties'][name]]] : [],
    ),
  );
  return {
    ...schema,
    properties,
    required: (schema['required'] ?? [])
      .filter((/** @type {string} */ name) => used.includes(name))
      .sort(),
  };
}
