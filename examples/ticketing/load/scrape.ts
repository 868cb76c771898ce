/** Sums of a process's metrics, by name and label. */
export type Scrape = (name: string, labels?: Record<string, string>) => number;

/** undefined when nobody answers. */
export async function scrape(url: string): Promise<Scrape | undefined> {
  const signal = AbortSignal.timeout(2_000);
  const text = await fetch(`${url}/metrics`, { signal })
    .then((r) => r.text())
    .catch(() => undefined);
  if (text === undefined) return undefined;
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return (name, labels = {}) =>
    lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => Object.entries(labels).every(([k, v]) => line.includes(`${k}="${v}"`)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
