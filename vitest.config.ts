import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The addon holds threads of its own: a process for each file, never a worker thread.
    pool: 'forks',
    maxWorkers: 2,
  },
});
