import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// The page of an exchange that does not exist, which `stablehand demo` shows with the widget on it.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/demo/',
  build: {
    outDir: '../../dist/demo',
    emptyOutDir: true,
    target: ['chrome107', 'firefox104', 'safari16'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
