/** @jsxImportSource solid-js */
import { createSignal, Show } from 'solid-js';
import { render } from 'solid-js/web';
import { App } from './app.tsx';

const [isShown, setShown] = createSignal(true);
window.toggle = () => setShown((was) => !was);
render(
  () => (
    <Show when={isShown()} fallback={<p id="hidden">hidden</p>}>
      <App />
    </Show>
  ),
  document.getElementById('app') as HTMLElement,
);
