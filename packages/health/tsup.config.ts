import { defineConfig } from 'tsup';
import { base } from '../../tsup.base.ts';

export default defineConfig({
  ...base,
  entry: {
    index: 'src/index.ts',
    plan: 'src/plan.ts',
    postgres: 'src/postgres.ts',
    prometheus: 'src/prometheus.ts',
    'cli/evenkeel-plan': 'src/cli/evenkeel-plan.ts',
  },
});
