import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The server embeds dist/console and serves it under a strict content security policy: everything is a file, nothing is inline.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/console/',
  plugins: [svelte()],
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: ['chrome114', 'firefox125', 'safari17'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // `STABLEHAND=http://127.0.0.1:PORT npm run dev` develops against a real server.
    proxy: process.env.STABLEHAND
      ? { '/api': { target: process.env.STABLEHAND, ws: true, changeOrigin: true } }
      : {},
  },
});
