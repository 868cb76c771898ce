const WORDS = {
  connecting: 'Connecting…',
  live: 'Live',
  lost: 'Reconnecting…',
  locked: 'Locked',
};
export type ConnectionState = keyof typeof WORDS;
type ConnectionProps = { state: ConnectionState; words?: Partial<typeof WORDS> | undefined };

/** Whether what the page shows is of this moment. */
export function Connection({ state, words }: ConnectionProps) {
  return (
    <span class={`connection is-${state}`} role="status">
      <i aria-hidden="true" />
      {words?.[state] ?? WORDS[state]}
    </span>
  );
}
