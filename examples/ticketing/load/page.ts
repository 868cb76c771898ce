/** One self-contained HTML page of a report: claims, and charts with what went wrong marked on them. */

import { chart } from './chart.ts';
import { boundText, figureText } from './claims.ts';
import { claimsOf, partial, type Report } from './report.ts';
import type { ScenarioResult } from './result.ts';
import type { Table } from './sizing.ts';

const style = `
:root{color-scheme:light dark;--ink:#1c2733;--soft:#667;--back:#fbfbf8;--grid:#8883;--held:#177245;--not:#b3261e;--mark:#d9822b33}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#99a;--back:#14191f;--held:#5bd08f;--not:#ff8a80}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--grid)}
td.figure{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.held{color:var(--held)}.not{color:var(--not);font-weight:700}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:11px}figure{margin:1.5rem 0}figcaption{font-weight:600}
ul{padding-left:1.2rem}small,.soft{color:var(--soft)}.partial{border:2px solid var(--not);padding:.5rem 1rem}`;

export function page(report: Report): string {
  const { machine, versions } = report;
  const claims = claimsOf(report);
  const held = claims.filter((one) => one.held).length;
  const facts = [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    `${report.at}, commit ${report.commit}, seed ${report.seed}, ${report.options.users} users${report.options.short ? ', short' : ''}`,
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
    [...new Set(report.scenarios.flatMap(({ servers }) => servers))].join(', '),
    ...report.conditions,
    `the driver alone: ${report.selfCheck.driverPerSecond} requests/s`,
  ];
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>evenkeel: ${held} of ${claims.length} claims held</title><style>${style}</style>
<h1>${held} of ${claims.length} claims held</h1>
${report.isComplete ? '' : `<p class="partial">${safe(partial(report))}</p>`}
<ul class="soft">${facts.map((fact) => `<li>${safe(fact)}</li>`).join('')}</ul>
<table><tr><th><th>scenario<th>claim<th>here<th>claimed<th>in the story</tr>
${claims
  .map(
    (
      one,
    ) => `<tr><td class="${one.held ? 'held">held' : 'not">not held'}<td>${safe(one.scenario)}<td>${safe(one.claim)}
<td class="figure">${safe(figureText(one))}<td class="figure">${safe(boundText(one.bound))}<td>${safe(one.source)}</tr>`,
  )
  .join('\n')}
</table>
${report.scenarios.map(section).join('\n')}
</html>
`;
}

function section({
  name,
  notes,
  mistakes,
  series,
  samples,
  marks,
  summaries,
  processes,
  curves,
  tables,
}: ScenarioResult): string {
  const plot = <Row extends { at: number }>(
    title: string,
    rows: readonly Row[],
    lines: [label: string, color: string, y: (row: Row) => number][],
  ) => {
    const points = (y: (row: Row) => number) => rows.map((row) => [row.at, y(row)] as const);
    return chart(
      title,
      marks,
      lines.map(([label, color, y]) => ({ label, color, points: points(y) })),
    );
  };
  const hasSales = samples.some(({ sold, held }) => sold + held > 0);
  const charts = [
    plot('Latency, ms (from the moment a request was due)', series, [
      ['p99', '#d9822b', ({ p99Ms }) => p99Ms],
      ['p50', '#2b7bba', ({ p50Ms }) => p50Ms],
    ]),
    plot('Requests a second', series, [
      ['all', '#2b7bba', ({ count }) => count],
      ['try again', '#d9b82b', ({ later }) => later],
      ['wrong', '#c33', ({ wrong }) => wrong],
    ]),
    ...(hasSales
      ? [
          plot('Seats', samples, [
            ['free', '#177245', ({ free }) => free],
            ['held', '#d9822b', ({ held }) => held],
            ['sold', '#2b7bba', ({ sold }) => sold],
          ]),
          plot('Orders accepted and not settled', samples, [
            ['queue', '#7a4fb5', ({ queue }) => queue],
          ]),
          plot('Circuit of the payment provider (1 open)', samples, [
            ['open', '#c33', ({ breaker }) => breaker],
          ]),
        ]
      : []),
    ...curves.map(({ title, points }) =>
      chart(title, [], [{ label: '', color: '#2b7bba', points }]),
    ),
  ];
  const cell = (value: number | string) => `<td class="figure">${value}`;
  return `<h2>${safe(name)}</h2><ul>${notes.map((note) => `<li>${safe(note)}</li>`).join('')}</ul>
${charts.join('\n')}
${tables.map(asTable).join('\n')}
<details><summary>Requests by phase</summary><table><tr><th>phase<th>kind<th>ok<th>refused<th>try again<th>wrong<th>p50<th>p99<th>p99.9<th>max ms</tr>
${summaries
  .map(
    ({ phase, kind, counts, ...ms }) =>
      `<tr><td>${safe(phase)}<td>${safe(kind)}${[counts.ok, counts.refused, counts.later, counts.wrong, ms.p50Ms, ms.p99Ms, ms.p999Ms, ms.maxMs].map(cell).join('')}</tr>`,
  )
  .join('\n')}</table></details>
<details><summary>Processes by phase</summary><table><tr><th>phase<th>process<th>CPU s<th>MiB</tr>
${processes
  .map(
    ({ phase, process, cpuSeconds, memoryMiB }) =>
      `<tr><td>${safe(phase)}<td>${safe(process)}${cell(cpuSeconds)}${cell(memoryMiB)}</tr>`,
  )
  .join('\n')}</table></details>
${mistakes.length > 0 ? `<details><summary>The first wrong answers</summary><ul>${mistakes.map((text) => `<li>${safe(text)}</li>`).join('')}</ul></details>` : ''}`;
}

function asTable({ title, head, rows }: Table): string {
  const row = (cells: string[], tag: string) =>
    `<tr>${cells.map((text) => `<${tag}>${safe(text)}`).join('')}</tr>`;
  return `<h3>${safe(title)}</h3><table>${row(head, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

export function safe(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign);
}
