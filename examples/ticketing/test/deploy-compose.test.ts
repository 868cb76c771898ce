/** The rules that compose.yaml keeps; that it runs is shown by deploy/compose/prove.sh. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { apiServices } from '../api-route.ts';
import type { ServiceName } from '../services/config.ts';
import { ofSeveralRegions, sampleValues, unset } from './deployed-environment.ts';

type Service = {
  image?: string;
  user?: string;
  command?: string[];
  profiles?: string[];
  ports?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  read_only?: boolean;
  deploy?: { replicas?: number };
  healthcheck?: { test?: string[]; disable?: boolean };
  environment?: Record<string, string | number>;
};

const text = readFileSync(new URL('../compose.yaml', import.meta.url), 'utf8');
const { services } = parse(text, { merge: true, maxAliasCount: 1_000 }) as {
  services: Record<string, Service>;
};
const all = Object.entries(services);
const ours = all.filter(([, { image }]) => image === 'evenkeel-ticketing');
/** what their images do as root unless they are told otherwise */
const rootImages = /^(redis|postgres|nginx):/;

/** What `keys` writes into the file of a service, out of its script. */
function keysOf(service: string): string[] {
  const script = services.keys?.command?.[0] ?? '';
  const [, loop = '', body = '', rest = ''] =
    /for name in ([\w ]+); do([\s\S]*?)\n *done([\s\S]*)/.exec(script) ?? [];
  const variables = (text: string) =>
    [...text.matchAll(/(?:echo "|grep )([A-Z_]+)/g)].map(([, name = '']) => name);
  const own = rest.split('\n').filter((line) => line.includes(`/keys/${service}.env`));
  return [...(loop.split(' ').includes(service) ? variables(body) : []), ...own.flatMap(variables)];
}

/** With the defaults of `${NAME:-default}` put in. */
const settingsOf = (environment: Record<string, string | number>) =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  );

describe('compose.yaml', () => {
  it('pins every image', () => {
    for (const [name, { image = '' }] of all) {
      if (image === 'evenkeel-ticketing') continue;
      expect(image, name).toMatch(/^[\w./-]+:v?\d[\w.-]*$/);
    }
  });

  it('publishes the front door and what is to be looked at, on this machine alone', () => {
    const published = all.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published.map(([name]) => name).sort()).toEqual(['grafana', 'jaeger', 'nginx']);
    for (const [name, port] of published) expect(port, name).toMatch(/^127\.0\.0\.1:/);
  });

  it('runs nobody as root and lets nobody become more than they are', () => {
    for (const [name, service] of all) {
      expect(service.security_opt, name).toContain('no-new-privileges:true');
      if (rootImages.test(service.image ?? '')) expect(service.user, name).toBeTruthy();
    }
    for (const [name, service] of ours) {
      expect(service.read_only, name).toBe(true);
      expect(service.cap_drop, name).toEqual(['ALL']);
    }
  });

  it('asks everything that stays up whether it is well', () => {
    const once = ['keys', 'migrate'];
    for (const [name, { healthcheck, profiles }] of all) {
      if (once.includes(name) || profiles) continue;
      expect(healthcheck?.test, name).toBeTruthy();
    }
  });

  it('has two or more of every service of the shop', () => {
    for (const service of ['gateway', 'notifications', ...apiServices]) {
      const instances = ours
        .filter(([, { command }]) => command?.[0] === service)
        .reduce((sum, [, { deploy }]) => sum + (deploy?.replicas ?? 1), 0);
      expect(instances, service).toBeGreaterThanOrEqual(2);
    }
  });

  it.each(ours.filter(([name]) => !['keys', 'migrate'].includes(name)))(
    '%s has every variable that it reads and knows no default for',
    (_name, { command = [], environment = {} }) => {
      const service = command[0] as ServiceName;
      const keys = keysOf(service).map((name) => [name, sampleValues[name] ?? '']);
      const env = { ...Object.fromEntries(keys), ...settingsOf(environment) };
      const reasons = [
        // Kubernetes' own: here nobody is told late that an instance goes
        'DRAIN_DELAY_MS',
        ...(service === 'auth' ? ofSeveralRegions : []),
        ...(service === 'notifications' ? ['PEOPLE_DATABASE_URL'] : []),
        // nobody measures a stand-in
        ...(service.startsWith('fake-') ? ['METRICS_PORT'] : []),
      ];
      expect(unset(service, env)).toEqual(new Set(reasons));
    },
  );

  it('holds no secret: the database’s own password is this network’s, the rest is made at the start', () => {
    expect(text).not.toMatch(/(ACCESS_TOKEN_SECRET|TICKET_PRIVATE_KEY|WEBHOOK_SECRET): *\S/);
  });
});
