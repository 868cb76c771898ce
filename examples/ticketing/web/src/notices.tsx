import type { Signal } from '@preact/signals';
import type { Notice } from './sale.ts';

/** The short message at the foot of a page, read out when it changes. */
export function Notices({ notice }: { notice: Signal<Notice | null> }) {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notice.value && (
        <div class={`notice is-${notice.value.kind}`}>
          <span>{notice.value.text}</span>
          <button
            type="button"
            class="notice-close"
            aria-label="Close this message"
            onClick={() => {
              notice.value = null;
            }}
          >
            ×
          </button>
        </div>
      )}
    </div>
  );
}
