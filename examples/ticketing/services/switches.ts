/**
 * What the launcher of a demo may turn off in a process of its own, to show the difference: it says so over
 * the channel that it started the process with. No network leads here.
 */
import { z } from 'zod';

export const switchNames = ['breaker', 'cache'] as const;
export type SwitchName = (typeof switchNames)[number];
const messageSchema = z.object({ switch: z.enum(switchNames), isOn: z.boolean() });

export class Switches {
  readonly #turned = new Map<SwitchName, boolean>();
  readonly #listeners: { name: SwitchName; turn: (isOn: boolean) => void }[] = [];

  constructor() {
    if (process.channel) process.on('message', (message) => this.#hear(message));
  }

  /** Calls `turn` whenever the switch is turned, and now when that has happened already. */
  on(name: SwitchName, turn: (isOn: boolean) => void): void {
    this.#listeners.push({ name, turn });
    const isOn = this.#turned.get(name);
    if (isOn !== undefined) turn(isOn);
  }

  #hear(message: unknown): void {
    const { success, data } = messageSchema.safeParse(message);
    if (!success) return;
    this.#turned.set(data.switch, data.isOn);
    for (const { name, turn } of this.#listeners) if (name === data.switch) turn(data.isOn);
  }
}
