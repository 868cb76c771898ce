import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.ts';

export default defineConfig({
  ...base,
  entry: ['src/index.ts', 'src/websocket.ts', 'src/sse.ts', 'src/prometheus.ts', 'src/cli.ts'],
});
