import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.tsx';
import './style.css';

const place = document.querySelector('#app');
if (place) createRoot(place).render(createElement(App));
