import { render } from 'svelte/server';
import App from './App.svelte';

export const page = async (): Promise<string> => render(App).body;
