/** The queries of the Grafana dashboards, the alert rules and the autoscalers' adapter, and the metrics that they name. */
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
type AdapterRule = { seriesQuery: string; name: { as: string }; metricsQuery: string };
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

/** What the adapter publishes for autoscalers, each with the query for the pods of a namespace. */
export function adapterRules(): { name: string; series: string; expr: string }[] {
  const file = readFileSync(`${observability}prometheus-adapter.yaml`, 'utf8');
  const { custom } = (parse(file) as { rules: { custom: AdapterRule[] } }).rules;
  return custom.map(({ seriesQuery, name, metricsQuery }) => {
    const [series = ''] = seriesQuery.split('{');
    const filled = {
      Series: series,
      LabelMatchers: 'namespace="ticketing",pod=~"auth-1|auth-2"',
      GroupBy: 'pod',
    };
    const expr = metricsQuery.replace(/<<\.(\w+)>>/g, (text, field: string) =>
      field in filled ? filled[field as keyof typeof filled] : text,
    );
    return { name: name.as, series, expr };
  });
}

/** Every metric that a dashboard, a rule or the adapter reads; what a rule records is not one of them. */
export function metricsRead(): string[] {
  const read = [...dashboardQueries(), ...rules(), ...adapterRules()];
  const queries = read.map(({ expr }) => expr).join('\n');
  const names = queries.match(/\b(?:ticketing|evenkeel|nodejs|process)_\w+/g) ?? [];
  return [...new Set(names)].sort();
}
