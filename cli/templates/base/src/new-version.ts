// Offers a newer version of this app once it is installed and waits. Nothing changes under a
// person's hands: the button switches over, and work that is not in Airflow yet stays.
if ('serviceWorker' in navigator) {
  const registration = await navigator.serviceWorker.ready;

  const offer = (): void => {
    if (!registration.waiting || document.querySelector('#new-version')) return;
    const button = document.createElement('button');
    button.textContent = 'Use it now';
    button.addEventListener('click', () => useNow(registration.waiting));
    const bar = document.createElement('aside');
    bar.id = 'new-version';
    bar.role = 'status';
    bar.append('A newer version of this app is ready. ', button);
    document.body.append(bar);
  };
  offer();
  registration.addEventListener('updatefound', () =>
    registration.installing?.addEventListener('statechange', offer),
  );
  // An app that is never closed would not hear of a newer version.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration.update().catch(() => undefined);
  });
}

/** Loads the page anew, from the waiting version; none waits where another tab was first. */
function useNow(waiting: ServiceWorker | null): void {
  if (!waiting) return location.reload();
  waiting.addEventListener('statechange', () => {
    if (waiting.state === 'activated') location.reload();
  });
  waiting.postMessage({ type: 'SKIP_WAITING' });
}

export {};
