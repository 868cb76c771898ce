import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

let firstView = true;

/** The heading of a view. A change of view moves the focus to it, so that a screen reader says so. */
export function ViewHeading({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!firstView) heading.current?.focus({ preventScroll: true });
    firstView = false;
  }, []);
  return (
    <h2 class="view-heading" tabIndex={-1} ref={heading}>
      {children}
    </h2>
  );
}

type MessageProps = {
  title: string;
  tone: 'info' | 'problem' | 'good';
  children: ComponentChildren;
};

const GLYPHS = { info: 'i', problem: '!', good: '✓' };

/** A whole-screen state: what happened, and what to do about it. */
export function Message({ title, tone, children }: MessageProps) {
  return (
    <section class={`message card is-${tone}`}>
      <span class="message-glyph" aria-hidden="true">
        {GLYPHS[tone]}
      </span>
      <ViewHeading>{title}</ViewHeading>
      {children}
    </section>
  );
}
