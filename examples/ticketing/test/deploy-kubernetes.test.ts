/** The rules that keep the shop up while it is deployed, scaled, drained and while a zone is lost. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { apiServices } from '../api-route.ts';
import {
  loadConfig,
  loadMigrationConfig,
  productServices,
  type ServiceName,
  urlOf,
} from '../services/config.ts';
import { ofSeveralRegions, sampleValues, secrets, unset } from './deployed-environment.ts';
import { mistakesOf } from './kubernetes-schema.ts';
import { build, type Json, type Manifest } from './kustomize.ts';

const folder = fileURLToPath(new URL('../deploy/k8s/', import.meta.url));
const overlay = (name: string) => build(`${folder}overlays/${name}`);
const overlays = ['production', 'sale', 'staging', 'local', 'blue-green/blue', 'blue-green/green'];
const pods = [...overlays, 'migrate'];
const production = overlay('production');
const colours = [overlay('blue-green/blue'), overlay('blue-green/green')] as const;
const front = overlay('blue-green/front');

const ofKind = (manifests: Manifest[], kind: string) =>
  manifests.filter((one) => one.kind === kind);
const named = (manifests: Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`There is no ${kind} ${name}`);
  return found;
};
const podOf = (deployment: Manifest): Json => deployment.spec.template.spec;
const containerOf = (deployment: Manifest): Json => podOf(deployment).containers[0];
/** With `$(NAME)` put in, as the kubelet does with variables that come earlier. */
function envOf(deployment: Manifest): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { name, value } of containerOf(deployment).env) {
    env[name] = value.replace(/\$\((\w+)\)/g, (text: string, other: string) => env[other] ?? text);
  }
  return env;
}
/** What the secrets that it refers to bring; a secret that is not in the table is a mistake. */
function secretsOf(workload: Manifest): Record<string, string> {
  const names = containerOf(workload).envFrom.flatMap(({ secretRef }: Json) => {
    const found = secrets[secretRef.name];
    if (!found) throw new Error(`deploy/README.md knows no secret ${secretRef.name}`);
    return found;
  });
  return Object.fromEntries(names.map((name: string) => [name, sampleValues[name] ?? '']));
}
const serviceOf = (deployment: Manifest): ServiceName => containerOf(deployment).args[0];

const deployments = ofKind(production, 'Deployment');
const workloads = deployments.map((one) => [one.metadata.name, one] as const);

/** What the server allows: 600 connections are 8 GB at 75 a GB; 15 are kept for people and backups. */
const budget = { maxConnections: 600, reserved: 15 };
/** health's database check has a connection of its own */
const perPod = (deployment: Manifest) => Number(envOf(deployment).DATABASE_CONNECTIONS) + 1;
const scalerOf = (manifests: Manifest[], deployment: Manifest): Json =>
  named(manifests, 'HorizontalPodAutoscaler', deployment.metadata.name).spec;

describe('every overlay', () => {
  it.each([...pods, 'blue-green/front'])('%s is valid to both validators', (name) => {
    expect(overlay(name).flatMap(mistakesOf)).toEqual([]);
  });

  it('is found by a validator when a field is misspelt, has the wrong type or is missing', () => {
    const [first] = deployments as [Manifest];
    const broken = (change: (spec: Json) => void) => {
      const copy = structuredClone(first);
      change(copy.spec);
      return mistakesOf(copy).join();
    };
    expect(broken((spec) => (spec.template.spec.terminationGracePeriodSecond = 5))).toMatch(
      /terminationGracePeriodSecond is not a field of V1PodSpec/,
    );
    expect(broken((spec) => (spec.replicas = 'three'))).toMatch(/replicas must be integer/);
    expect(broken((spec) => delete spec.selector)).toMatch(/selector/);
  });

  it('lists every overlay folder', () => {
    const found = readdirSync(`${folder}overlays`);
    const all = ['blue-green', 'local', 'migrate', 'production', 'sale', 'staging'];
    expect(found.sort()).toEqual(all);
  });

  it.each(overlays)('%s carries no secret and refers to declared ones only', (name) => {
    const manifests = overlay(name);
    expect(ofKind(manifests, 'Secret')).toEqual([]);
    for (const deployment of ofKind(manifests, 'Deployment')) {
      for (const key of Object.keys(envOf(deployment)))
        expect(key).not.toMatch(/SECRET|PRIVATE|PASSWORD|_KEY/);
    }
  });
});

describe('production', () => {
  it('runs every service of the product, and no stand-in', () => {
    expect(deployments.map(serviceOf).sort()).toEqual([...productServices].sort());
  });

  it.each(workloads)(
    '%s has every variable that it reads and knows no default for',
    (_name, one) => {
      const env = { ...secretsOf(one), ...envOf(one) };
      const reasons: Record<string, readonly string[]> = {
        // the demo's accounts are of no product
        auth: [...ofSeveralRegions, 'DEMO_PASSWORD'],
        notifications: ['PEOPLE_DATABASE_URL'],
      };
      expect(unset(serviceOf(one), env)).toEqual(new Set(reasons[serviceOf(one)]));
      expect(env.METRICS_PORT).toBe('9464');
    },
  );

  it('keeps no variable in a secret that nobody reads', () => {
    const read = deployments.flatMap((one) => {
      const env = { ...secretsOf(one), ...envOf(one) };
      return Object.keys(loadConfig([serviceOf(one)], env));
    });
    const job = named(overlay('migrate'), 'Job', 'migrate');
    const known = new Set([...read, ...Object.keys(loadMigrationConfig(secretsOf(job)))]);
    expect(
      Object.values(secrets)
        .flat()
        .filter((name) => !known.has(name)),
    ).toEqual([]);
  });

  it('migrates the database as its owner, before and apart', () => {
    const job = named(overlay('migrate'), 'Job', 'migrate');
    expect(() => loadMigrationConfig(secretsOf(job))).not.toThrow();
    expect(containerOf(job).args).toEqual(['migrate']);
    const owners = [...deployments, job].filter((one) =>
      JSON.stringify(containerOf(one).envFrom).includes('ticketing-migrate'),
    );
    expect(owners).toEqual([job]);
  });

  it('sends the gateway to Services that are there', () => {
    const gateway = envOf(named(production, 'Deployment', 'gateway'));
    for (const service of apiServices) {
      const { hostname } = new URL(gateway[urlOf(service)] as string);
      expect(named(production, 'Service', hostname).spec.selector).toEqual({
        'app.kubernetes.io/name': service,
      });
    }
  });

  it('gives the key that makes tickets to payments alone', () => {
    const holders = deployments.filter((one) =>
      JSON.stringify(containerOf(one).envFrom).includes('ticketing-payments'),
    );
    expect(holders.map(serviceOf)).toEqual(['payments']);
  });

  it.each(workloads)('%s leaves the number of pods to its autoscaler', (_name, deployment) => {
    expect(deployment.spec).not.toHaveProperty('replicas');
    const scaler = scalerOf(production, deployment);
    expect(scaler.scaleTargetRef).toMatchObject({
      kind: 'Deployment',
      name: deployment.metadata.name,
    });
    expect(scaler.metrics.map((one: Json) => one.type)).toEqual(['Resource', 'Pods']);
    expect(scaler.behavior.scaleDown.stabilizationWindowSeconds).toBe(300);
    // a pod for each of three zones, however many there are
    expect([scaler.minReplicas % 3, scaler.maxReplicas % 3]).toEqual([0, 0]);
    expect(scaler.minReplicas).toBeGreaterThanOrEqual(3);
  });

  it.each(workloads)('%s never has a pod too few while it is deployed', (_name, deployment) => {
    const { maxUnavailable, maxSurge } = deployment.spec.strategy.rollingUpdate;
    expect(maxUnavailable).toBe(0);
    expect(maxSurge).toBeGreaterThanOrEqual(1);
    expect(deployment.spec.progressDeadlineSeconds).toBeGreaterThan(60);
  });

  it('stays within the connections of the database at the worst moment of a deploy', () => {
    let peak = 0;
    for (const deployment of deployments) {
      const { maxReplicas } = scalerOf(production, deployment);
      const { maxSurge } = deployment.spec.strategy.rollingUpdate;
      // all of the new, the surge, and all of the old that still end what they have begun
      peak += (maxReplicas + maxSurge + maxReplicas) * perPod(deployment);
    }
    expect(peak).toBeLessThanOrEqual(budget.maxConnections - budget.reserved);
  });

  it('stays within the connections of the database with both colours at full size', () => {
    const peak = colours.flatMap((colour) =>
      ofKind(colour, 'Deployment').map((one) => scalerOf(colour, one).maxReplicas * perPod(one)),
    );
    const sum = peak.reduce((total, one) => total + one, 0);
    expect(sum).toBeLessThanOrEqual(budget.maxConnections - budget.reserved);
  });

  it.each(workloads)(
    '%s has time to end what it has begun, and no more than that',
    (_name, deployment) => {
      const { annotations } = deployment.spec.template.metadata;
      const terms = annotations['ticketing.evenkeel.example/grace'];
      const found =
        /^preStop (\d+) \+ drain (\d+) \+ p99\.9 request (\d+) \+ jobs (\d+) \+ (5)$/.exec(terms);
      const [preStop = 0, drain = 0, request = 0, jobs = 0, spare = 0] = (found ?? [])
        .slice(1)
        .map(Number);
      const grace = podOf(deployment).terminationGracePeriodSeconds;
      expect(grace).toBe(preStop + drain + request + jobs + spare);

      const env = envOf(deployment);
      const graceMs = Number(env.GRACE_MS);
      expect(containerOf(deployment).lifecycle.preStop.sleep.seconds).toBe(preStop);
      expect(Number(env.DRAIN_DELAY_MS)).toBe(drain * 1_000);
      // GracefulShutdown gives 9/14 of its time to the jobs, and all of its time ends before the kill
      if (jobs > 0) expect((graceMs * 9) / 14).toBe(jobs * 1_000);
      expect(graceMs).toBeLessThan((grace - preStop) * 1_000);
      expect((graceMs * 11) / 14).toBeGreaterThanOrEqual((drain + request) * 1_000);
    },
  );

  it.each(workloads)('%s is spread over zones, each revision by itself', (_name, deployment) => {
    const { topologySpreadConstraints, affinity } = podOf(deployment);
    const labels = deployment.spec.selector.matchLabels;
    expect(topologySpreadConstraints).toEqual([
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        nodeTaintsPolicy: 'Honor',
        labelSelector: { matchLabels: labels },
        matchLabelKeys: ['pod-template-hash'],
      },
    ]);
    const [{ podAffinityTerm }] =
      affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    expect(podAffinityTerm).toMatchObject({
      topologyKey: 'kubernetes.io/hostname',
      labelSelector: { matchLabels: labels },
    });
  });

  it.each(workloads)('%s loses one pod at a time to the emptying of nodes', (name, deployment) => {
    const { spec } = named(production, 'PodDisruptionBudget', name);
    expect(spec).toEqual({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: deployment.spec.selector,
    });
  });

  it.each(workloads)('%s is asked by three probes', (_name, deployment) => {
    const { startupProbe, readinessProbe, livenessProbe } = containerOf(deployment);
    const get = (path: string) => ({ httpGet: { path, port: 'http' } });
    expect(startupProbe).toMatchObject({
      ...get('/startup'),
      periodSeconds: 2,
      failureThreshold: 30,
    });
    expect(readinessProbe).toEqual({
      ...get('/ready'),
      periodSeconds: 5,
      timeoutSeconds: 2,
      failureThreshold: 2,
    });
    expect(livenessProbe).toEqual({
      ...get('/live'),
      periodSeconds: 10,
      timeoutSeconds: 3,
      failureThreshold: 6,
    });
  });

  it.each(
    pods.flatMap((name) =>
      overlay(name)
        .filter(({ spec }) => spec?.template)
        .map((one) => [`${name} ${one.metadata.name}`, one] as const),
    ),
  )('%s may do nothing but its work', (_name, deployment) => {
    const pod = podOf(deployment);
    const container = containerOf(deployment);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC'])
      expect(pod).not.toHaveProperty(field);
  });

  it.each(workloads)('%s has memory it may count on and no limit of CPU', (_name, deployment) => {
    const { requests, limits } = containerOf(deployment).resources;
    expect(limits).toEqual({ memory: requests.memory });
    expect(requests.cpu).toMatch(/^\d+m$/);
    // the heap ends before the pod does, with room for buffers and stacks
    const heap = Number(
      /--max-old-space-size=(\d+)/.exec(envOf(deployment).NODE_OPTIONS ?? '')?.[1],
    );
    expect(heap / Number.parseInt(requests.memory, 10)).toBeCloseTo(0.75);
  });

  it('runs node as process 1 of a pinned image', () => {
    const dockerfile = readFileSync(`${folder}../../Dockerfile`, 'utf8');
    expect(dockerfile).toMatch(/^ENTRYPOINT \["node", /m);
    expect(dockerfile).toMatch(/^USER node$/m);
    for (const deployment of deployments) {
      expect(containerOf(deployment)).not.toHaveProperty('command');
      expect(containerOf(deployment).image).toMatch(/^registry\.example\/.+:\d+\.\d+\.\d+$/);
    }
  });

  it('lets nothing in or out that is not written down', () => {
    const policies = ofKind(production, 'NetworkPolicy');
    expect(named(production, 'NetworkPolicy', 'default-deny').spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
    });
    const ports = policies.flatMap(({ spec }) =>
      (spec.ingress ?? []).flatMap((rule: Json) => rule.ports.map((one: Json) => one.port)),
    );
    expect([...new Set(ports)].sort()).toEqual(['http', 'metrics']);
    for (const { spec } of policies) {
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
        expect(rule.from ?? rule.to).toBeDefined();
        expect(rule.ports.length).toBeGreaterThan(0);
      }
    }
  });

  it('shows the world one port of one service', () => {
    const [ingress, ...others] = ofKind(production, 'Ingress');
    expect(others).toEqual([]);
    expect(ingress?.spec.tls).toHaveLength(1);
    const [rule] = ingress?.spec.rules ?? [];
    expect(rule.http.paths.map((one: Json) => one.backend.service.name)).toEqual(['gateway']);
    for (const { spec } of ofKind(production, 'Service')) {
      expect(spec.type ?? 'ClusterIP').toBe('ClusterIP');
      expect(spec.ports.map((one: Json) => one.targetPort)).toEqual(['http']);
    }
  });
});

describe('blue-green', () => {
  it('keeps the colours apart in every selector, name and reference', () => {
    for (const [colour, manifests] of [
      ['blue', colours[0]],
      ['green', colours[1]],
    ] as const) {
      const label = { 'ticketing.evenkeel.example/colour': colour };
      for (const { metadata } of manifests)
        expect(metadata.name).toMatch(new RegExp(`-${colour}$`));
      for (const deployment of ofKind(manifests, 'Deployment')) {
        expect(deployment.spec.selector.matchLabels).toMatchObject(label);
        expect(deployment.spec.template.metadata.labels).toMatchObject(label);
        expect(scalerOf(manifests, deployment).scaleTargetRef.name).toBe(deployment.metadata.name);
        named(manifests, 'ServiceAccount', podOf(deployment).serviceAccountName);
        if (serviceOf(deployment) === 'gateway') {
          expect(envOf(deployment).ORDERS_URL).toBe(`http://orders-${colour}`);
        }
        const { spec } = named(manifests, 'PodDisruptionBudget', deployment.metadata.name);
        expect(spec.selector.matchLabels).toMatchObject(label);
      }
    }
  });

  it('has one Service that the world sees, on one colour', () => {
    const { selector } = named(front, 'Service', 'gateway').spec;
    const { labels } = named(colours[0], 'Deployment', 'gateway-blue').spec.template.metadata;
    expect(labels).toMatchObject(selector);
    expect(selector).toHaveProperty(['ticketing.evenkeel.example/colour'], 'blue');
    const [rule] = ofKind(front, 'Ingress')[0]?.spec.rules ?? [];
    expect(rule.http.paths[0].backend.service.name).toBe('gateway');
  });
});

describe('staging and local', () => {
  it('differ from production in size and addresses, not in rules', () => {
    const staging = overlay('staging');
    for (const deployment of ofKind(staging, 'Deployment')) {
      expect(scalerOf(staging, deployment)).toMatchObject({ minReplicas: 3, maxReplicas: 3 });
    }
    expect(envOf(named(staging, 'Deployment', 'payments')).PSP_URL).toBe(
      'https://sandbox.psp.example',
    );
    const local = overlay('local');
    expect(envOf(named(local, 'Deployment', 'payments')).PSP_URL).toBe('http://fake-psp');
    expect(envOf(named(local, 'Deployment', 'gateway')).SECURE_COOKIES).toBe('false');
    for (const one of ofKind(local, 'Deployment')) {
      expect(podOf(one)).not.toHaveProperty('topologySpreadConstraints');
    }
  });
});
