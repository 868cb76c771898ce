import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Sample } from '../../../launcher/control-messages.ts';
import { samples } from './room.ts';

export type Line = {
  label: string;
  /** a custom property of the style sheet, such as --area-1 */
  color: string;
  of: (sample: Sample) => number | null;
  /** how its latest value is written */
  text?: (value: number) => string;
  dashed?: boolean;
};
type ChartProps = { title: string; unit: string; note?: string; lines: Line[] };

const HEIGHT = 150;
const WINDOW_S = 180;

/** The last three minutes of a few figures. What the lines say now stands beside them as text. */
export function Chart({ title, unit, note, lines }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, lines), dataOf(samples.peek(), lines), element);
    };
    draw();
    const sizes = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    sizes.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      sizes.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => {
    plot.current?.setData(dataOf(samples.value, lines));
  }, [samples.value]);
  const latest = samples.value.at(-1);
  return (
    <section class="card chart">
      <h3>{title}</h3>
      <dl class="chart-now">
        {lines.map(({ label, color, of, text = plain }) => {
          const value = latest ? of(latest) : null;
          return (
            <div key={label}>
              <dt>
                <i class={`dot is-${color.slice(2)}`} aria-hidden="true" />
                {label}
              </dt>
              <dd>
                {value === null ? '–' : text(value)} <small>{unit}</small>
              </dd>
            </div>
          );
        })}
      </dl>
      <div class="chart-plot" ref={box} aria-hidden="true" />
      {note && <p class="fine-print">{note}</p>}
    </section>
  );
}

const plain = (value: number) =>
  value.toLocaleString('en-GB', { maximumFractionDigits: value < 10 ? 1 : 0 });

function dataOf(all: Sample[], lines: Line[]): uPlot.AlignedData {
  return [
    all.map(({ at }) => at / 1000),
    ...lines.map(({ of }) => all.map(of)),
  ] as uPlot.AlignedData;
}

function options(element: HTMLElement, lines: Line[]): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--muted'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    // on the right half a time, which stands below the last line of the grid
    padding: [8, 26, 0, 0],
    scales: {
      x: {
        time: true,
        range: (_plot, min, max) => {
          const end = max ?? Date.now() / 1000;
          // a minute at least, so that the first seconds are no lone dots
          return [Math.min(end - 60, Math.max(min ?? end, end - WINDOW_S)), end];
        },
      },
      y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map(clockTime), space: 70 },
      { ...axis, size: 46, space: 34 },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name, dashed }) => ({
        label,
        stroke: color(name),
        width: 2,
        points: { show: false },
        ...(dashed ? { dash: [5, 4] } : {}),
      })),
    ],
  };
}

const clockTime = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString('en-GB');
