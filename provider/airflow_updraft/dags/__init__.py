"""The provider's DAGs. A pip-installed DAG is not discovered by itself: call these from a file in the DAG folder."""

from airflow_updraft.dags.exchange import updraft_exchange
from airflow_updraft.dags.sync import updraft_sync

__all__ = ["updraft_exchange", "updraft_sync"]
