type FiguresProps = { figures: Record<string, number | string>; class?: string };

/** A few figures in a row, each under its name. */
export function Figures({ figures, class: look = 'figures' }: FiguresProps) {
  return (
    <dl class={look}>
      {Object.entries(figures).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value.toLocaleString('en-GB')}</dd>
        </div>
      ))}
    </dl>
  );
}
