"""The provider's DAGs, called by a file in the DAG folder.

Airflow does not discover the DAGs of a package.
"""

from airflow_updraft.dags.exchange import updraft_exchange
from airflow_updraft.dags.export import updraft_exports
from airflow_updraft.dags.options import DagOptions
from airflow_updraft.dags.sync import updraft_sync

__all__ = ["DagOptions", "updraft_exchange", "updraft_exports", "updraft_sync"]
