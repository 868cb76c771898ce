/** What a part of the crowd takes from a message. A look at its text does: parsing all of it would cost more than hearing it. */
export type Message = { text: string } & (
  | { type: 'change'; seq: number }
  | { type: 'waiting-room'; updatedAt: number; isOpen: boolean }
  | { type: 'authorized' | 'problem' | 'other' }
);

export function readMessage(text: string): Message {
  if (text.startsWith('{"type":"change"')) {
    return { text, type: 'change', seq: Number(/"seq":(\d+)/.exec(text)?.[1]) };
  }
  if (text.startsWith('{"type":"waiting-room"')) {
    const name = '"updatedAt":';
    const updatedAt = Number.parseFloat(text.slice(text.lastIndexOf(name) + name.length));
    return { text, type: 'waiting-room', updatedAt, isOpen: text.includes('"phase":"open"') };
  }
  for (const type of ['authorized', 'problem'] as const) {
    if (text.startsWith(`{"type":"${type}"`)) return { text, type };
  }
  return { text, type: 'other' };
}
