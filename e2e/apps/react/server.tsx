/** @jsxImportSource react */
import { renderToString } from 'react-dom/server';
import { App } from './app.tsx';

export const page = async (): Promise<string> => renderToString(<App />);
