/** The rules that compose.yaml keeps; that it runs is shown by deploy/compose/prove.sh. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { apiServices } from '../api.ts';

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
};

const text = readFileSync(new URL('../compose.yaml', import.meta.url), 'utf8');
const { services } = parse(text, { merge: true, maxAliasCount: 1_000 }) as {
  services: Record<string, Service>;
};
const all = Object.entries(services);
const ours = all.filter(([, { image }]) => image === 'evenkeel-ticketing');
/** what their images do as root unless they are told otherwise */
const rootImages = /^(redis|postgres|nginx):/;

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

  it('holds no secret: the database’s own password is this network’s, the rest is made at the start', () => {
    expect(text).not.toMatch(/(ACCESS_TOKEN_SECRET|TICKET_PRIVATE_KEY|WEBHOOK_SECRET): *\S/);
  });
});
