"""The Assets that stand for a collection and its target, watched by triggers."""

from __future__ import annotations

from urllib.parse import quote

from airflow.sdk import Asset, AssetWatcher

from airflow_updraft.trigger import CollectionChangedTrigger, TargetBehindTrigger


def collection_asset(collection: str) -> Asset:
    """Return the collection's Asset; all DAGs scheduled on an Asset share one trigger and poll."""
    watcher = AssetWatcher(
        name=f"updraft {collection}", trigger=CollectionChangedTrigger(collection=collection)
    )
    return _asset(f"updraft {collection}", quote(collection, safe=""), watcher)


def target_bell_asset(collection: str) -> Asset:
    """Return the Asset that starts the export of a collection to its target."""
    name = f"updraft {collection} for its target"
    watcher = AssetWatcher(name=name, trigger=TargetBehindTrigger(collection=collection))
    return _asset(name, f"{quote(collection, safe='')}/for-its-target", watcher)


def target_asset(collection: str) -> Asset:
    """Return the Asset of a collection's target table: an event whenever rows of it have moved."""
    return _asset(f"updraft {collection} target", f"{quote(collection, safe='')}/target")


def _asset(name: str, path: str, *watchers: AssetWatcher) -> Asset:
    # With any scheme but x-… Airflow loads all providers in search of a handler: 90 ms a DAG file.
    return Asset(name=name, uri=f"x-updraft://{path}", group="updraft", watchers=[*watchers])
