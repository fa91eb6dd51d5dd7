import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** Few and whole: what every view needs is one file, the conversation another. Many small ones compress badly. */
const CHAT =
  /views\/(ChatView|Composer|MessageRow|Markdown|CopyButton|FileChip|Place)\.svelte|state\/(composing|uploads)|core\/src\/(markdown|chainText|secrets)|api\/src\/upload/;
function chunkOf(id: string): string | undefined {
  if (CHAT.test(id)) return 'chat';
  if (/\.css$|lang\.css/.test(id)) return undefined;
  if (
    /node_modules|packages\/|widget\/loader|widget\/src\/(state|views\/Lazy|words\/index)|vite\/(preload|modulepreload)/.test(
      id,
    )
  )
    return 'base';
  return undefined;
}

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
    rollupOptions: { output: { manualChunks: chunkOf } },
  },
  server: {
    proxy: process.env.STABLEHAND
      ? { '/api': { target: process.env.STABLEHAND, ws: true, changeOrigin: true } }
      : {},
  },
});
