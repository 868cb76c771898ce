import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { dashboardQueries, metricsRead, observability, rules } from './dashboards.ts';
import { promtool } from './promtool.ts';

// the first of them may have to fetch promtool
vi.setConfig({ testTimeout: 120_000 });

describe('the alert rules', () => {
  it('are valid, and so is the configuration that loads them', async () => {
    expect(await promtool('check', 'rules', `${observability}alerts.yml`)).toContain('SUCCESS');
    await promtool('check', 'config', `${observability}prometheus.yml`);
  });

  it('wake people when they should and let them sleep when they should', async () => {
    const output = await promtool('test', 'rules', `${observability}alerts.test.yml`);
    expect(output).toContain('SUCCESS');
  });

  it('are tested, every one of them', () => {
    const tests = readFileSync(`${observability}alerts.test.yml`, 'utf8');
    for (const { alert } of rules()) if (alert) expect(tests, alert).toContain(alert);
  });

  it('say what it is and what to do', () => {
    const alerts = rules().filter(({ alert }) => alert !== undefined);
    expect(alerts.length).toBeGreaterThan(10);
    for (const { alert, labels, annotations } of alerts) {
      expect(labels?.severity, alert).toMatch(/^(page|ticket)$/);
      expect(annotations?.summary, alert).toBeTruthy();
      expect(annotations?.action, alert).toBeTruthy();
    }
  });
});

describe('the dashboards', () => {
  it('ask only what PromQL understands', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-dashboards-'));
    try {
      // as rules, which promtool can check
      const wrapped = dashboardQueries().map(({ expr }, index) => ({ record: `q:${index}`, expr }));
      const file = join(folder, 'queries.yml');
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules: wrapped }] }));
      expect(await promtool('check', 'rules', file)).toContain(`${wrapped.length} rules found`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('read metrics of the app, of its packages and of Node', () => {
    expect(metricsRead().length).toBeGreaterThan(15);
  });
});
