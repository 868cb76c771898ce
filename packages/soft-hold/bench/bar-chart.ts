const ROW = 26;
const LEFT = 350;
const WIDTH = 370;

const escaped = (text: string) => text.replace(/[&<]/g, (one) => (one === '&' ? '&amp;' : '&lt;'));

/** Horizontal bars as SVG, ours in colour; readable on light and dark pages. */
export function barChart(title: string, bars: readonly { name: string; value: number }[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ name, value }, i) => {
    const y = 40 + i * ROW;
    const width = Math.max(1, Math.round((value / most) * WIDTH));
    const fill = name.startsWith('soft-hold') ? '#2f9e6e' : '#8a94a6';
    return (
      `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>` +
      `<rect x="${LEFT}" y="${y}" width="${width}" height="18" rx="2" fill="${fill}"/>` +
      `<text x="${LEFT + width + 8}" y="${y + 14}">${Math.round(value).toLocaleString('en')}</text>`
    );
  });
  const height = 48 + bars.length * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 ${height}" width="800" height="${height}" role="img">`,
    '<style>text{font:13px system-ui,sans-serif;fill:#4a5568}@media(prefers-color-scheme:dark){text{fill:#cbd5e0}}</style>',
    `<title>${escaped(title)}</title><text x="10" y="20" style="font-weight:600">${escaped(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}
