import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.ts';

export default defineConfig({
  ...base,
  entry: { index: 'src/index.ts', edge: 'src/edge/index.ts', prometheus: 'src/prometheus.ts' },
});
