import { defineConfig, type Plugin } from 'vite';

/**
 * The pages take the paths and the types of contract.ts; its schemas check input on the server. Here
 * their builder is a function that answers with itself, instead of 45 kB of zod that nobody calls.
 */
const withoutSchemas: Plugin = {
  name: 'without-schemas',
  enforce: 'pre',
  resolveId: (source) => (source === 'zod' ? '\0no-zod' : null),
  load: (id) =>
    id === '\0no-zod' ? 'export const z = new Proxy(() => z, { get: () => z });' : null,
};

/** `vite build web` in examples/ticketing: the pages end in web/dist, which the gateway serves. */
export default defineConfig({
  plugins: [withoutSchemas],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
  },
  server: {
    proxy: { '/api': 'http://127.0.0.1:8080', '/ws': { target: 'ws://127.0.0.1:8080', ws: true } },
  },
});
