import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { adapterRules, dashboardQueries, metricsRead, observability, rules } from './dashboards.ts';
import { build } from './kustomize.ts';
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

/** As rules, which promtool can check. */
async function understood(queries: readonly { expr: string }[]) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-queries-'));
  try {
    const wrapped = queries.map(({ expr }, index) => ({ record: `q:${index}`, expr }));
    const file = join(folder, 'queries.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules: wrapped }] }));
    expect(await promtool('check', 'rules', file)).toContain(`${wrapped.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the dashboards', () => {
  it('ask only what PromQL understands', () => understood(dashboardQueries()));

  it('read metrics of the app, of its packages and of Node', () => {
    expect(metricsRead().length).toBeGreaterThan(15);
  });
});

describe('the adapter for autoscalers', () => {
  it('publishes every metric that an autoscaler scales by, and no other', () => {
    const manifests = build(
      fileURLToPath(new URL('../deploy/k8s/overlays/production', import.meta.url)),
    );
    const scaledBy = manifests
      .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
      .flatMap(({ spec }) => spec.metrics)
      .filter(({ type }) => type === 'Pods')
      .map(({ pods }) => pods.metric.name);
    expect(scaledBy.length).toBeGreaterThan(0);
    expect(new Set(adapterRules().map(({ name }) => name))).toEqual(new Set(scaledBy));
  });

  it('asks only what PromQL understands, a figure for each pod', async () => {
    await understood(adapterRules());
    for (const { expr, series } of adapterRules()) {
      expect(expr).toContain(`${series}{namespace="ticketing",pod=~"auth-1|auth-2"}`);
      expect(expr).toMatch(/by \(pod\)$/);
    }
  });
});
