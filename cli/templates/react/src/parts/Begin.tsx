import { beginAs } from '../updraft.ts';

/** Asks once who uses this device. */
export function Begin() {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        beginAs(String(new FormData(event.currentTarget).get('name')));
      }}
    >
      <label>
        Your user name in Airflow
        <input name="name" required autoComplete="username" />
      </label>
      <button>Begin</button>
    </form>
  );
}
