/** Path of Airflow on the app's origin: `[api] base_url` ends with it. */
export const AIRFLOW = '__AIRFLOW__';

/** The collection that this app shows; `collections.json` declares it. */
export const COLLECTION = '__COLLECTION__';
