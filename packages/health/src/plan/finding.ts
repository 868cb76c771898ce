/** What a plan says about itself: an `error` will break, a `warning` may. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Stable, such as `OVER_BUDGET`. */
  readonly code: string;
  /** What it is about: a service, a database, a probe. */
  readonly subject: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** 1 when there is an error, 2 when there is a warning, else 0. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ severity }) => severity === 'error')) return 1;
  return findings.length > 0 ? 2 : 0;
}

/** 1234567 as `1,234,567`, whatever the locale; at most two decimals. */
export function digits(value: number): string {
  const [whole = '', part] = String(Math.round(value * 100) / 100).split('.');
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (part === undefined ? '' : `.${part}`);
}
