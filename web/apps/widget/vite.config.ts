import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The app inside the iframe. The server embeds dist/widget and serves it under a strict content security policy: nothing is inline.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/widget/',
  plugins: [svelte()],
  build: {
    outDir: '../../dist/widget',
    emptyOutDir: true,
    target: ['chrome107', 'firefox104', 'safari16'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: process.env.STABLEHAND
      ? { '/api': { target: process.env.STABLEHAND, ws: true, changeOrigin: true } }
      : {},
  },
});
