import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// One run for all packages and apps. Files named *.dom.test.ts get a document; everything else runs in plain node, which is how we
// notice when `packages/core` starts to lean on the browser.
export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'apps/*/{src,test,loader}/**/*.test.ts'],
    environmentMatchGlobs: [['**/*.dom.test.ts', 'happy-dom']],
    environment: 'node',
    setupFiles: ['./vitest.setup.ts'],
    restoreMocks: true,
  },
});
