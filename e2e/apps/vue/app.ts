import { defineComponent, h, ref } from 'vue';
import {
  provideUpdraft,
  typed,
  useConflicts,
  useDeadLetters,
  useOutbox,
  useStatus,
} from '../../../bindings/vue/index.ts';
import type { Collections } from '../../../demo/src/collections.ts';
import { count, followed, problem, queryOf, updraft } from '../shared.ts';

const { useQuery, useRecord, useUpdraft } = typed<Collections>();

const Inspections = defineComponent({
  props: { site: { type: String, required: true } },
  setup(props) {
    const { data: rows, error } = useQuery('inspections', () => queryOf(props.site));
    return () => [
      h(
        'ul',
        { 'data-testid': 'rows' },
        rows.value?.map(({ id, value, state }) =>
          h('li', { key: id }, `${id} ${value.status} ${state}`),
        ),
      ),
      h('p', { 'data-testid': 'count' }, count(rows.value)),
      h('p', { 'data-testid': 'query-error' }, problem(error.value)),
    ];
  },
});

const Details = defineComponent({
  setup() {
    const { data: client, error } = useUpdraft();
    const { data: record } = useRecord('inspections', followed);
    const { data: status } = useStatus();
    const [conflicts, outbox, letters] = [useConflicts(), useOutbox(), useDeadLetters()];
    return () => [
      h('p', { 'data-testid': 'connected' }, client.value ? 'connected' : problem(error.value)),
      h(
        'p',
        { 'data-testid': 'record' },
        record.value === null ? 'none' : (record.value?.value.status ?? 'not read'),
      ),
      h(
        'p',
        { 'data-testid': 'status' },
        status.value ? `${status.value.unsent} unsent` : 'not read',
      ),
      h('p', { 'data-testid': 'conflicts' }, count(conflicts.data.value)),
      h('p', { 'data-testid': 'outbox' }, count(outbox.data.value)),
      h('p', { 'data-testid': 'dead-letters' }, count(letters.data.value)),
    ];
  },
});

export const App = defineComponent({
  setup() {
    const site = ref('A7');
    if (typeof window !== 'undefined') window.choose = (name) => (site.value = name);
    provideUpdraft(updraft);
    return () => [h(Inspections, { site: site.value }), h(Details)];
  },
});
