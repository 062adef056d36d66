"""The Airflow half of Updraft: applies batches exactly once and feeds changes back to the devices."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_updraft.dag_batch import WriteBatch as WriteBatch
    from airflow_updraft.dag_batch import write_batch as write_batch
    from airflow_updraft.dag_collection import Collection as Collection

__version__ = "0.1.0"
__all__ = ["Collection", "WriteBatch", "write_batch"]

_MODULES = {"Collection": "dag_collection", "WriteBatch": "dag_batch", "write_batch": "dag_batch"}


def __getattr__(name: str) -> Any:
    """Load what DAG files import from here only when they do: the engine must stay free of Airflow."""
    if module := _MODULES.get(name):
        return getattr(import_module(f"airflow_updraft.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
