// node scripts/airflow-types.mjs: writes what queued calls know of Airflow's REST API, from the OpenAPI document of the Airflow that is installed here:
// sw/calls/airflow.openapi.json, the part that is used, and sw/calls/airflow-api.ts, its types. An acceptance test compares the first with a running Airflow.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trimOpenApi } from './lib/openapi.mjs';
import { bin, python, root } from './lib/paths.mjs';
import { main } from './lib/problem.mjs';
import { capture, run } from './lib/run.mjs';
import { ensurePython } from './lib/setup.mjs';

// It works with the compiler's older interface, which the TypeScript of this checkout no longer has: fetched when it is used, with a compiler of its own.
const GENERATOR = ['--yes', '--package', 'openapi-typescript@7.13.0', '--package', 'typescript@5.9.3', '--', 'openapi-typescript'];
const PRINT = `
import json, pathlib, yaml, airflow.api_fastapi.core_api as api
print(json.dumps(yaml.safe_load((pathlib.Path(api.__file__).parent / "openapi" / "v2-rest-api-generated.yaml").read_text())))`;

await main(async () => {
  await ensurePython();
  const printed = await capture(python, ['-c', PRINT]);
  const text = `${JSON.stringify(trimOpenApi(JSON.parse(printed.stdout)), undefined, 2)}\n`;
  const document = join(root, 'sw', 'calls', 'airflow.openapi.json');
  const types = join(root, 'sw', 'calls', 'airflow-api.ts');
  writeFileSync(document, text);
  const empty = mkdtempSync(join(tmpdir(), 'airflow-types-'));
  await run('npm', ['exec', ...GENERATOR, document, '--output', types, '--immutable'], { cwd: empty });
  rmSync(empty, { recursive: true });
  await run(bin('oxfmt'), [document, types]);
});
