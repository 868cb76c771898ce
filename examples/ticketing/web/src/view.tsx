import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

let firstView = true;

type ViewHeadingProps = { children: ComponentChildren; level?: 1 | 2 };

/** The heading of a view. A change of view moves the focus to it, so that a screen reader says so. */
export function ViewHeading({ children, level = 2 }: ViewHeadingProps) {
  const Heading = level === 1 ? 'h1' : 'h2';
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!firstView) heading.current?.focus({ preventScroll: true });
    firstView = false;
  }, []);
  return (
    <Heading class="view-heading" tabIndex={-1} ref={heading}>
      {children}
    </Heading>
  );
}

type MessageProps = {
  title: string;
  tone: 'info' | 'problem';
  /** 1 where no event's title stands above it */
  level?: 1 | 2;
  children: ComponentChildren;
};

const GLYPHS = { info: 'i', problem: '!' };

/** A whole-screen state: what happened, and what to do about it. */
export function Message({ title, tone, level = 2, children }: MessageProps) {
  return (
    <section class={`message card is-${tone}`}>
      <span class="message-glyph" aria-hidden="true">
        {GLYPHS[tone]}
      </span>
      <ViewHeading level={level}>{title}</ViewHeading>
      {children}
    </section>
  );
}
