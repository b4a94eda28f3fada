import { render } from 'preact';
import type { DrawnPair } from './drawn.ts';
import { Explorer } from './graph-explorer.tsx';

/** Makes the pictures of graphs live, each when it comes near the window: a report of many cases opens at once. */
export function graphs(): void {
  const observer = new IntersectionObserver(
    entries => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        const [data, root] = [target.querySelector('script'), target.querySelector('.explorer')];
        if (!data || !root) continue;
        root.replaceChildren();
        render(<Explorer pair={JSON.parse(data.textContent ?? '') as DrawnPair} live />, root);
      }
    },
    { rootMargin: '300px' },
  );
  for (const part of document.querySelectorAll('.graphs')) observer.observe(part);
}
