// End to end: a server of its own for every test, real telephones, real browsers.

import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'specs',
  outputDir: 'artifacts/results',
  // Two browsers, a telephone and a server share a test already: on two cores more than two workers hear gaps.
  workers: 2,
  fullyParallel: true,
  // Limits for a machine that is slow or stands still for seconds: they cost nothing where all goes well.
  timeout: 300_000,
  expect: { timeout: 30_000 },
  // A test of a telephone that passes at the second try is a fault that callers meet: no retries.
  retries: 0,
  forbidOnly: Boolean(process.env['CI']),
  reporter: [[process.stdout.isTTY ? 'line' : 'dot'], ['html', { open: 'never', outputFolder: 'artifacts/report' }]],
});
