import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// The script in the exchange's page: one classic file with a stable name, /widget/loader.js.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  build: {
    outDir: '../../dist/widget',
    emptyOutDir: false,
    target: ['chrome91', 'firefox90', 'safari15'],
    lib: {
      entry: 'loader/main.ts',
      formats: ['iife'],
      name: 'StablehandLoader',
      fileName: () => 'loader.js',
    },
    reportCompressedSize: false,
  },
});
