"""The Airflow half of Updraft: applies batches exactly once and feeds changes back to the devices."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_updraft.dag_collection import Collection as Collection

__version__ = "0.1.0"
__all__ = ["Collection"]


def __getattr__(name: str) -> Any:
    """Load what DAG files import from here only when they do: the engine must stay free of Airflow."""
    if name == "Collection":
        from airflow_updraft.dag_collection import Collection  # noqa: PLC0415

        return Collection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
