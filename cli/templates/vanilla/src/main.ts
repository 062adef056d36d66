import { begin } from './parts/begin.ts';
import { conflictDialog } from './parts/conflict-dialog.ts';
import { element } from './parts/element.ts';
import { entryForm } from './parts/entry-form.ts';
import { entryList } from './parts/entry-list.ts';
import { refused } from './parts/refused.ts';
import { statusBar } from './parts/status-bar.ts';
import { updraft } from './updraft.ts';
import { errorWords } from './words.ts';
import './style.css';

const place = document.querySelector('#app');
const heading = element('h1', {}, '__NAME__');

try {
  const client = await updraft;
  if (!client) place?.replaceChildren(heading, begin());
  else
    place?.replaceChildren(
      heading,
      statusBar(client),
      refused(client),
      entryForm(client),
      entryList(client),
      conflictDialog(client),
    );
} catch (error) {
  place?.replaceChildren(heading, element('p', { role: 'alert' }, errorWords(error)));
}
