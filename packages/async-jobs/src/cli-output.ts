/** Where the command writes; the process's streams have this shape. */
export interface Output {
  readonly out: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly err: { write(text: string): unknown; readonly isTTY?: boolean };
}

const WIDEST = 60;

/** Rows as aligned columns, or as one JSON object a line. */
export function table(
  { out }: Output,
  rows: readonly Readonly<Record<string, unknown>>[],
  json: boolean,
): void {
  if (json) {
    for (const row of rows) out.write(`${JSON.stringify(row)}\n`);
    return;
  }
  const [first] = rows;
  if (!first) return;
  const columns = Object.keys(first);
  const cells = rows.map((row) => columns.map((column) => plain(row[column])));
  const widths = columns.map((column, i) =>
    Math.max(column.length, ...cells.map((row) => (row[i] as string).length)),
  );
  for (const line of [columns, ...cells]) {
    const padded = line.map((cell, i) => cell.padEnd(widths[i] as number));
    out.write(`${padded.join('  ').trimEnd()}\n`);
  }
}

/** One line that fills, on a terminal only; a log gets nothing of it. */
export function progressBar({ err }: Output, seen: number, total: number): void {
  if (!err.isTTY || total === 0) return;
  const share = Math.min(1, seen / total);
  const filled = Math.round(share * 30);
  const bar = '#'.repeat(filled).padEnd(30, '.');
  err.write(`\r[${bar}] ${Math.round(share * 100)} %  ${seen}/${total}${share === 1 ? '\n' : ''}`);
}

/** Text for a terminal: what a job carries must not move the cursor or change colours. */
export function plain(value: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const text = String(value ?? '').replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 3)}...` : text;
}
