import { defineConfig } from 'vitest/config';

export default defineConfig({
  define: { __UPDRAFT_PLANTED_BUG__: JSON.stringify(process.env['UPDRAFT_PLANTED_BUG']) ?? 'undefined' },
  test: {
    include: ['{shared,sw,client,demo,scripts}/**/*.test.{ts,mjs}'],
    // Node cannot import Workbox as it is published.
    server: { deps: { inline: [/workbox/] } },
  },
});
