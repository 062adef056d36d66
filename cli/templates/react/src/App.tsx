import { UpdraftProvider } from 'airflow-updraft/react';
import { Begin } from './parts/Begin.tsx';
import { ConflictDialog } from './parts/ConflictDialog.tsx';
import { EntryForm } from './parts/EntryForm.tsx';
import { EntryList } from './parts/EntryList.tsx';
import { Refused } from './parts/Refused.tsx';
import { StatusBar } from './parts/StatusBar.tsx';
import { updraft } from './updraft.ts';

export function App() {
  if (!updraft) return <Begin />;
  return (
    <UpdraftProvider updraft={updraft}>
      <h1>__NAME__</h1>
      <StatusBar />
      <Refused />
      <EntryForm />
      <EntryList />
      <ConflictDialog />
    </UpdraftProvider>
  );
}
