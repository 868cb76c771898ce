/** Topic and partition. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** A place as a key of maps. */
export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
