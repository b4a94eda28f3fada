// What runs in the browser. `npm run generate` bundles it into client.generated.ts; a page is complete without it.
import { graphs } from './client-graphs.tsx';
import { readings } from './client-readings.ts';
import { theme } from './client-theme.ts';

theme();
readings();
graphs();
for (const details of document.querySelectorAll<HTMLDetailsElement>('details')) {
  // A link to a case opens it.
  if (`#${details.id}` === location.hash) details.open = true;
}
addEventListener('hashchange', () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
});
