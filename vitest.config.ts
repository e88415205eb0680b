import { defineConfig } from 'vitest/config';

export default defineConfig({
  // What the page imports as the package is the entry for browsers.
  resolve: {
    alias: [{ find: /^pgenrm$/, replacement: new URL('src/api/browser.ts', import.meta.url).pathname }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The addon holds threads of its own: a process for each file, never a worker thread.
    pool: 'forks',
    maxWorkers: 2,
  },
});
