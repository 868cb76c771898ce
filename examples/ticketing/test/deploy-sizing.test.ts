/** The deployment for the story's night is as large as the last kept run of the proof says that it has to be. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Report } from '../load/report.ts';
import { connectionsOf, passwordHash, type Service, type Table } from '../load/sizing.ts';
import { loadConfig } from '../services/config.ts';
import { sampleValues } from './deployed-environment.ts';
import { build, type Json, type Manifest } from './kustomize.ts';

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const overlay = (name: string) => build(file(`../deploy/k8s/overlays/${name}`));
const production = overlay('production');
const sale = overlay('sale');
const services = Object.keys(connectionsOf) as Service[];

const find = (manifests: Manifest[], kind: string, name: string): Json =>
  manifests.find((one) => one.kind === kind && one.metadata.name === name)?.spec;
const containerOf = (manifests: Manifest[], service: string): Json =>
  find(manifests, 'Deployment', service).template.spec.containers[0];
const envOf = (manifests: Manifest[], service: string): Record<string, string> =>
  Object.fromEntries(
    containerOf(manifests, service).env.map(({ name, value }: Json) => [name, value]),
  );
const peakOf = (manifests: Manifest[]) =>
  services.reduce((sum, service) => {
    const { maxReplicas } = find(manifests, 'HorizontalPodAutoscaler', service);
    const { maxSurge } = find(manifests, 'Deployment', service).strategy.rollingUpdate;
    return sum + (2 * maxReplicas + maxSurge) * connectionsOf[service];
  }, 0);

const runs = readdirSync(file('../../../docs/proof'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(file(`../../../docs/proof/${name}`), 'utf8')) as Report)
  .sort((a, b) => b.at.localeCompare(a.at));
const tableOf = (title: string): Table => {
  const tables = runs.flatMap(({ scenarios }) => scenarios.flatMap((one) => one.tables ?? []));
  const found = tables.find((one) => one.title === title);
  if (!found) throw new Error(`No kept run has the table ${title}`);
  return found;
};
const sized = Object.fromEntries(
  tableOf('150,000 active buyers').rows.map(([service = '', , pods = '', cpu, memory]) => [
    service,
    { pods: Number(pods.replace(',', '')), cpu, memory },
  ]),
);

describe('the night of the sale', () => {
  it.each(services)(
    'has as many pods of %s as the sizing says, before anybody comes',
    (service) => {
      const { minReplicas, maxReplicas } = find(sale, 'HorizontalPodAutoscaler', service);
      expect(sized[service]?.pods).toBeGreaterThanOrEqual(3);
      expect(minReplicas).toBeGreaterThanOrEqual(sized[service]?.pods as number);
      expect(maxReplicas).toBe(minReplicas);
      expect(minReplicas % 3).toBe(0);
    },
  );

  it.each(services)(
    'gives a pod of %s the CPU and the memory that it was measured with',
    (service) => {
      const { requests, limits } = containerOf(sale, service).resources;
      const of = (text = '') => Number.parseInt(text, 10);
      expect(of(requests.cpu)).toBeGreaterThanOrEqual(of(sized[service]?.cpu));
      expect(of(limits.memory)).toBeGreaterThanOrEqual(of(sized[service]?.memory));
      expect(limits).toEqual({ memory: requests.memory });
      const heap = of(envOf(sale, service).NODE_OPTIONS?.split('=')[1]);
      expect(heap / of(requests.memory)).toBeCloseTo(0.75);
      // production runs the same process
      const ordinary = containerOf(production, service).resources.limits.memory;
      expect(of(ordinary)).toBeGreaterThanOrEqual(of(sized[service]?.memory));
    },
  );

  it('needs the PgBouncers of the plan, where production does not', () => {
    const readme = readFileSync(file('../deploy/README.md'), 'utf8');
    const sizedText = tableOf('150,000 active buyers').rows.flat().join();
    const count = Number(/(\d+) PgBouncers x /.exec(sizedText)?.[1]);
    expect(peakOf(production)).toBeLessThanOrEqual(585);
    expect(peakOf(sale)).toBeGreaterThan(585);
    expect(peakOf(sale)).toBeLessThanOrEqual(count * 10_000);
    expect(readme).toContain(`${count} PgBouncers`);
    const each = Number(/`default_pool_size = (\d+)`/.exec(readme)?.[1]);
    const server = count * services.length * each;
    expect(readme).toContain(`${count} x ${services.length} x ${each} = ${server}`);
    expect(server).toBeLessThanOrEqual(285);
  });
});

describe('the sizing counts', () => {
  it.each(services)('the connections that a pod of %s has, and the one of its check', (service) => {
    const pool = Number(envOf(production, service).DATABASE_CONNECTIONS);
    expect(connectionsOf[service]).toBe(pool + 1);
  });

  it('the password hash that the shop has when nobody says otherwise', () => {
    const { PASSWORD_COST_LOG2, PASSWORD_PASSES } = loadConfig(['auth'], sampleValues) as {
      PASSWORD_COST_LOG2: number;
      PASSWORD_PASSES: number;
    };
    const { costLog2, passes } = passwordHash;
    expect([PASSWORD_COST_LOG2, PASSWORD_PASSES]).toEqual([costLog2, passes]);
  });
});
