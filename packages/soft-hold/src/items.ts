import type { Item } from './types.ts';

/**
 * One packed line taken apart. Items are packed as `GA=2;STALLS=2@A-1,A-2`; `STALLS=2*` asks for the
 * best two seats, `STALLS=2*a` for two with an accessible one.
 */
export type PackedLine = {
  sku: string;
  quantity: number;
  seats: string[];
  /** The pool chooses the seats. */
  best: boolean;
  accessible: boolean;
};

export function unpackLines(packed: string): PackedLine[] {
  return packed.split(';').map((text) => {
    const [, sku = '', quantity = '0', kind, rest = ''] =
      /^([^=]+)=(\d+)(?:([@*])(.*))?$/.exec(text) ?? [];
    return {
      sku,
      quantity: Number(quantity),
      seats: kind === '@' ? rest.split(',') : [],
      best: kind === '*',
      accessible: kind === '*' && rest === 'a',
    };
  });
}

/** The units of all lines. */
export function unitsOf(packed: string): number {
  return unpackLines(packed).reduce((sum, line) => sum + line.quantity, 0);
}

export function unpackItems(packed: string): Item[] {
  return unpackLines(packed).map(({ sku, quantity, seats, accessible }) =>
    seats.length > 0
      ? { sku, seats }
      : { sku, quantity, ...(accessible ? { accessible: true as const } : {}) },
  );
}
