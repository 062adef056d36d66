import { expect, test } from 'vitest';
import { complete } from './complete-lock.mjs';

test("every platform's package is in the lock, or npm ci refuses it everywhere", () => {
  const lock = {
    '': { version: '1.0.0' },
    'node_modules/tool': {
      version: '2.0.0',
      dev: true,
      optionalDependencies: {
        '@tool/linux-x64-gnu': '2.0.0',
        '@tool/darwin-arm64': '2.0.0',
        fsevents: '~2.3.2',
      },
    },
    'node_modules/@tool/linux-x64-gnu': { version: '2.0.0', dev: true, optional: true },
  };
  const { packages, added } = complete(lock);
  expect(added).toEqual(['@tool/darwin-arm64']);
  expect(packages['node_modules/@tool/darwin-arm64']).toEqual({
    version: '2.0.0',
    cpu: ['arm64'],
    dev: true,
    optional: true,
    os: ['darwin'],
  });
  expect(Object.keys(packages)[0]).toBe('');
  expect(complete(packages).added).toEqual([]);
});
