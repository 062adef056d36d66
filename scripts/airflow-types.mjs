// node scripts/airflow-types.mjs: writes the part of Airflow's REST API that queued calls use, from
// the OpenAPI document of the installed Airflow: sw/calls/airflow.openapi.json, the used part of
// the document, and sw/calls/airflow-api.ts, the types. An acceptance test compares the document
// with a running Airflow.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trimOpenApi } from './lib/openapi.mjs';
import { bin, python, root } from './lib/paths.mjs';
import { main } from './lib/problem.mjs';
import { capture, run } from './lib/run.mjs';
import { ensurePython } from './lib/setup.mjs';

// The generator needs the compiler's older interface, which the TypeScript of this checkout no
// longer has: generator and compiler are fetched for each use.
const GENERATOR = [
  '--yes',
  '--package',
  'openapi-typescript@7.13.0',
  '--package',
  'typescript@5.9.3',
  '--',
  'openapi-typescript',
];
const PRINT = `
import json, pathlib, yaml, airflow.api_fastapi.core_api as api
document = pathlib.Path(api.__file__).parent / "openapi" / "v2-rest-api-generated.yaml"
print(json.dumps(yaml.safe_load(document.read_text())))`;

await main(async () => {
  await ensurePython();
  const printed = await capture(python, ['-c', PRINT]);
  const text = `${JSON.stringify(trimOpenApi(JSON.parse(printed.stdout)), undefined, 2)}\n`;
  const document = join(root, 'sw', 'calls', 'airflow.openapi.json');
  const types = join(root, 'sw', 'calls', 'airflow-api.ts');
  writeFileSync(document, text);
  const empty = mkdtempSync(join(tmpdir(), 'airflow-types-'));
  await run('npm', ['exec', ...GENERATOR, document, '--output', types, '--immutable'], {
    cwd: empty,
  });
  rmSync(empty, { recursive: true });
  await run(bin('oxfmt'), [document, types]);
});
