"""Copy this file into the DAG folder, for Airflow to find the DAGs of airflow-provider-updraft."""

from airflow_updraft.dags import updraft_exchange, updraft_exports, updraft_sync

exchange, sync, exports = updraft_exchange(), updraft_sync(), updraft_exports()
