import { render } from 'preact';
import { App } from './app.tsx';
import { Brand } from './parts/brand.tsx';
import { registerWorker } from './register-worker.ts';
import './styles/index.css';

const root = document.getElementById('app') as HTMLElement;

registerWorker().then(
  (worker) => render(<App worker={worker} />, root),
  (error: unknown) =>
    render(
      <main class="welcome">
        <Brand />
        <section class="card">
          <h1>This browser cannot work offline</h1>
          <p>{error instanceof Error ? error.message : String(error)}</p>
        </section>
      </main>,
      root,
    ),
);
