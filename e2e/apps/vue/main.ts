import { createApp, h, ref } from 'vue';
import { App } from './app.ts';

const isShown = ref(true);
window.toggle = () => (isShown.value = !isShown.value);
createApp({
  render: () => (isShown.value ? h(App) : h('p', { id: 'hidden' }, 'hidden')),
}).mount('#app');
