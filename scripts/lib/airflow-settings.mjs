// The demo server's configuration, as environment variables: no configuration file is read.
import { randomBytes } from 'node:crypto';
import { delimiter, join } from 'node:path';
import { collectionsFile, root, venv } from './paths.mjs';

/** Demo users of a server that only this machine can reach: the password is the name. */
export const users = ['ana:user', 'ben:user', 'admin:admin', 'vera:viewer'].map((entry) => {
  const [name = '', role = ''] = entry.split(':');
  return { name, password: name, role };
});

export const databases = ['airflow', 'updraft', 'updraft_demo'];
/** The server's slots for exchanges and synchronization, safe from starvation by other DAGs. */
export const pool = { name: 'updraft', slots: 4 };

/** @typedef {{ jwt: string, session: string, fernet: string }} Secrets */

/** @returns {Secrets} */
export function newSecrets() {
  return {
    jwt: randomBytes(64).toString('base64'),
    session: randomBytes(32).toString('base64'),
    fernet: randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
  };
}

/** @param {string} socketDir @param {string} database @param {string} [driver] */
export function databaseUri(socketDir, database, driver = 'psycopg2') {
  const host = encodeURIComponent(socketDir).replaceAll('%2F', '/');
  return `postgresql+${driver}://postgres@/${database}?host=${host}`;
}

/**
 * Returns a Connection by socket. The URI form would lose the socket's folder in
 * `hook.get_sqlalchemy_engine()`.
 * @param {string} host
 * @param {string} schema
 */
const connection = (host, schema) =>
  JSON.stringify({ conn_type: 'postgres', login: 'postgres', host, schema });

/**
 * Returns the environment of Airflow's processes. The caller's own AIRFLOW and PYTHON variables do
 * not leak in.
 * @param {{ home: string, socketDir: string, port: number, taskPort: number, secrets: Secrets }}
 *   server
 * @returns {NodeJS.ProcessEnv}
 */
export function airflowEnvironment({ home, socketDir, port, taskPort, secrets }) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(AIRFLOW|PYTHON|VIRTUAL_ENV|npm_|INIT_CWD)/.test(name),
  );
  return {
    ...Object.fromEntries(inherited),
    PATH: [join(venv, 'bin'), process.env['PATH']].join(delimiter),
    PYTHONUNBUFFERED: '1',
    NO_PROXY: ['127.0.0.1', 'localhost', process.env['NO_PROXY']].filter(Boolean).join(','),
    no_proxy: ['127.0.0.1', 'localhost', process.env['no_proxy']].filter(Boolean).join(','),
    NO_COLOR: '1',
    AIRFLOW_HOME: home,
    ...settings({ socketDir, port, secrets }),
    ...(taskPort !== port && {
      UPDRAFT_TASK_API_PORT: String(taskPort),
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `http://127.0.0.1:${taskPort}/airflow/execution/`,
    }),
    AIRFLOW_CONN_UPDRAFT_DEFAULT: connection(socketDir, 'updraft'),
    AIRFLOW_CONN_UPDRAFT_DEMO: connection(socketDir, 'updraft_demo'),
  };
}

/**
 * @param {{ socketDir: string, port: number, secrets: Secrets }} server
 * @returns {Record<string, string>}
 */
function settings({ socketDir, port, secrets }) {
  const sections = {
    CORE: {
      EXECUTOR: 'LocalExecutor',
      PARALLELISM: 4,
      LOAD_EXAMPLES: false,
      DAGS_ARE_PAUSED_AT_CREATION: false,
      // The first Variable that a DAG file reads makes the DAG processor load Airflow's API:
      // seconds, half a minute beside busy cores.
      DAGBAG_IMPORT_TIMEOUT: 120,
      DAGS_FOLDER: process.env['UPDRAFT_DAGS'] ?? join(root, 'demo', 'dags'),
      FERNET_KEY: secrets.fernet,
      SIMPLE_AUTH_MANAGER_USERS: users.map(({ name, role }) => `${name}:${role}`).join(','),
    },
    DATABASE: {
      SQL_ALCHEMY_CONN: databaseUri(socketDir, 'airflow'),
      SQL_ALCHEMY_CONN_ASYNC: databaseUri(socketDir, 'airflow', 'asyncpg'),
      // Airflow's default is 15: fifty triggers at once hold all connections, each waits for
      // another, and half fail after 30 s.
      SQL_ALCHEMY_MAX_OVERFLOW: 60,
    },
    // The path in base_url lets the server answer, link and set the cookie under /airflow, from any
    // origin that proxies the server.
    API: {
      HOST: '127.0.0.1',
      PORT: port,
      BASE_URL: `http://127.0.0.1:${port}/airflow`,
      WORKERS: 1,
      SECRET_KEY: secrets.session,
    },
    API_AUTH: { JWT_SECRET: secrets.jwt },
    // A DAG run takes about a second: the scheduler looks five times a second instead of once.
    SCHEDULER: {
      SCHEDULER_IDLE_SLEEP_TIME: 0.2,
      SCHEDULER_HEARTBEAT_SEC: 2,
      CATCHUP_BY_DEFAULT: false,
      // A killed scheduler's runs are taken up after seconds, not after Airflow's five minutes.
      SCHEDULER_HEALTH_CHECK_THRESHOLD: 10,
      ORPHANED_TASKS_CHECK_INTERVAL: 10,
    },
    DAG_PROCESSOR: { REFRESH_INTERVAL: 10, MIN_FILE_PROCESS_INTERVAL: 10, PARSING_PROCESSES: 1 },
    LOGGING: { COLORED_CONSOLE_LOG: false },
    USAGE_DATA_COLLECTION: { ENABLED: false },
    // The tests' users have a new browser for each test, and the bench's a thousand devices at
    // once.
    UPDRAFT: {
      COLLECTIONS: collectionsFile,
      SYNC_SCHEDULE: '* * * * *',
      REPLICAS_PER_USER_MAX: 1_000_000,
      STREAMS_PER_USER_MAX: 2_000,
    },
  };
  return Object.fromEntries(
    Object.entries(sections).flatMap(([section, options]) =>
      Object.entries(options).map(([option, value]) => [
        `AIRFLOW__${section}__${option}`,
        value === false ? 'False' : String(value),
      ]),
    ),
  );
}
