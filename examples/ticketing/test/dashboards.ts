/** The queries of the Grafana dashboards and of the alert rules, and the metrics that they name. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const observability = fileURLToPath(new URL('../deploy/observability/', import.meta.url));
const dashboards = `${observability}grafana/dashboards/`;

export type Query = { where: string; expr: string };
type Panel = { title: string; targets: { expr: string }[] };
type Rule = {
  record?: string;
  alert?: string;
  expr: string;
  labels?: { severity: string };
  annotations?: { summary: string; action: string };
};
type Rules = { groups: { rules: Rule[] }[] };

export function dashboardQueries(): Query[] {
  return readdirSync(dashboards).flatMap((file) => {
    const { panels } = JSON.parse(readFileSync(dashboards + file, 'utf8')) as { panels: Panel[] };
    return panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${file}: ${title}`, expr })),
    );
  });
}

export function rules(): Rule[] {
  const { groups } = parse(readFileSync(`${observability}alerts.yml`, 'utf8')) as Rules;
  return groups.flatMap((group) => group.rules);
}

/** Every metric that a dashboard or a rule reads; what a rule records is not one of them. */
export function metricsRead(): string[] {
  const queries = [...dashboardQueries(), ...rules()].map(({ expr }) => expr).join('\n');
  const names = queries.match(/\b(?:ticketing|evenkeel|nodejs|process)_\w+/g) ?? [];
  return [...new Set(names)].sort();
}
