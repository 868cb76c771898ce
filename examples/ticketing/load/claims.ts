/** What the story claims, each with the figure that was measured and whether it held. */
export type Bound = { atMost: number } | { atLeast: number } | { exactly: number };
export type Claim = {
  scenario: string;
  claim: string;
  /** where in the story it stands */
  source: string;
  bound: Bound;
  unit: string;
  /** undefined: it was not measured, so it did not hold */
  figure: number | undefined;
  held: boolean;
};

export const atMost = (most: number): Bound => ({ atMost: most });
export const atLeast = (least: number): Bound => ({ atLeast: least });
export const exactly = (value: number): Bound => ({ exactly: value });

/** What is claimed, what was found, and where in the story it stands when that is not where the others do. */
type Row = readonly [
  claim: string,
  figure: number | undefined,
  bound: Bound,
  unit?: string,
  source?: string,
];

export const claims = (scenario: string, story: string, rows: readonly Row[]): Claim[] =>
  rows.map(([claim, figure, bound, unit = '', source = story]) => {
    return { scenario, claim, source, bound, unit, figure, held: holds(figure, bound) };
  });

export function holds(figure: number | undefined, bound: Bound): boolean {
  if (figure === undefined || Number.isNaN(figure)) return false;
  if ('atMost' in bound) return figure <= bound.atMost;
  if ('atLeast' in bound) return figure >= bound.atLeast;
  return figure === bound.exactly;
}

export function boundText(bound: Bound): string {
  if ('atMost' in bound) return `<= ${number(bound.atMost)}`;
  if ('atLeast' in bound) return `>= ${number(bound.atLeast)}`;
  return `= ${number(bound.exactly)}`;
}

export function figureText({ figure, unit }: Claim): string {
  return figure === undefined ? 'not measured' : `${number(figure)}${unit ? ` ${unit}` : ''}`;
}

const number = (value: number) =>
  value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 1_000 ? 3 : 0 });
