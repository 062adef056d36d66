/** @jsxImportSource react */
import { StrictMode, useState, type ReactElement } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';

/** The part of a page that can be shown and hidden. */
function Page(): ReactElement {
  const [isShown, setShown] = useState(true);
  window.toggle = () => setShown((was) => !was);
  return <StrictMode>{isShown ? <App /> : <p id="hidden">hidden</p>}</StrictMode>;
}

createRoot(document.getElementById('app') as HTMLElement).render(<Page />);
