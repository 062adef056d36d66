"""The Airflow half of Updraft: applies batches exactly once and feeds changes to the devices."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_updraft.dag_api.collection import Collection as Collection
    from airflow_updraft.dag_api.write_batch import WriteBatch as WriteBatch
    from airflow_updraft.dag_api.write_batch import write_batch as write_batch

__version__ = "0.1.0"
__all__ = ["Collection", "WriteBatch", "write_batch"]

_MODULES = {"Collection": "collection", "WriteBatch": "write_batch", "write_batch": "write_batch"}


def __getattr__(name: str) -> Any:
    """Load the names for DAG files at their first use: the engine must stay free of Airflow."""
    if module := _MODULES.get(name):
        return getattr(import_module(f"airflow_updraft.dag_api.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
