/** How far behind is too far, and how near is near enough to come back. */
export interface EjectionRules {
  readonly maxLagMs: number;
  readonly returnLagMs: number;
  readonly returnAfter: number;
}

/** What a look at a replica showed: how far it is behind, or why it cannot serve. */
export type Look = { readonly lagMs: number } | { readonly trouble: string };

/** Whether a replica is asked; `wellLooks` counts the good ones in a row since it was ejected. */
export type ReplicaState =
  | { readonly kind: 'serving'; readonly lagMs: number | undefined }
  | {
      readonly kind: 'ejected';
      readonly reason: string;
      readonly lagMs: number | undefined;
      readonly wellLooks: number;
    };

/**
 *     serving --lag > maxLagMs, or trouble--> ejected --lag <= returnLagMs, returnAfter times in a row--> serving
 *
 * It leaves at one look, because a lag is measured and no guess, and returns by a lower bar and after several: at the
 * edge it would otherwise come and go with every look.
 */
export function observeReplica(
  state: ReplicaState,
  look: Look,
  { maxLagMs, returnLagMs, returnAfter }: EjectionRules,
): ReplicaState {
  if ('trouble' in look) {
    return { kind: 'ejected', reason: look.trouble, lagMs: undefined, wellLooks: 0 };
  }
  const { lagMs } = look;
  if (lagMs > maxLagMs) {
    const reason = `${lagMs} ms behind, allowed ${maxLagMs}`;
    return { kind: 'ejected', reason, lagMs, wellLooks: 0 };
  }
  if (state.kind === 'serving') return { kind: 'serving', lagMs };
  const wellLooks = lagMs <= returnLagMs ? state.wellLooks + 1 : 0;
  if (wellLooks >= returnAfter) return { kind: 'serving', lagMs };
  return { ...state, lagMs, wellLooks };
}
