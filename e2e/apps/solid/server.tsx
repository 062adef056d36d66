/** @jsxImportSource solid-js */
import { renderToString } from 'solid-js/web';
import { App } from './app.tsx';

export const page = async (): Promise<string> => renderToString(() => <App />);
