const modes = ['auto', 'light', 'dark'] as const;
const key = 'onnx-funnel-theme';

/** The switch between what the system says, light, and dark; remembered where the browser allows it. */
export function theme(): void {
  const button = document.getElementById('theme');
  if (!button) return;
  let mode = modes.find(m => m === remembered()) ?? 'auto';
  const show = () => {
    if (mode === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = mode;
    button.textContent = `Theme: ${mode}`;
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    mode = modes[(modes.indexOf(mode) + 1) % modes.length]!;
    show();
    try {
      localStorage.setItem(key, mode);
    } catch {
      // A file may have no storage.
    }
  });
  show();
}

function remembered(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
