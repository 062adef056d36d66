// npm run airflow -- start | stop | status [--fresh] [--state FOLDER] [--port N] [--keep-postgres]
// Prints a JSON object on stdout; progress goes to stderr.
import { parseArgs } from 'node:util';
import { airflowStatus, startAirflow, stopAirflow } from './lib/airflow-server.mjs';
import { portOf } from './lib/arguments.mjs';
import { defaultState } from './lib/paths.mjs';
import { main, Problem } from './lib/problem.mjs';
import { ensurePython } from './lib/setup.mjs';

const usage =
  'npm run airflow -- start | stop | status   [--fresh] [--state FOLDER] [--port N] ' +
  '[--keep-postgres]';

await main(async () => {
  const { values, positionals } = readArguments();
  const state = values.state ?? defaultState;
  const [action] = positionals;
  if (action === 'start') {
    await ensurePython();
    print(await startAirflow({ state, fresh: values.fresh, ...portOf(values.port) }));
  } else if (action === 'stop') {
    print(await stopAirflow({ state, keepPostgres: values['keep-postgres'] }));
  } else if (action === 'status') {
    print(await airflowStatus({ state }));
  } else {
    throw new Problem(usage);
  }
});

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        fresh: { type: 'boolean', default: false },
        'keep-postgres': { type: 'boolean', default: false },
        port: { type: 'string' },
        state: { type: 'string' },
      },
    });
  } catch (error) {
    throw new Problem(`${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

/** @param {object} value */
function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
