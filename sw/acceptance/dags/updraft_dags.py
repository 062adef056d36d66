"""Copy this file into the DAG folder, for Airflow to find the DAGs of airflow-provider-updraft."""

from airflow_updraft.dags import updraft_exchange, updraft_sync

exchange, sync = updraft_exchange(), updraft_sync()
