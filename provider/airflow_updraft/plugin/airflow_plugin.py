"""The entry point ``airflow.plugins``: loaded in every Airflow process, so without any cost."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

URL_PREFIX = "/updraft/v1"


class UpdraftPlugin(AirflowPlugin):
    """Mounts ``/updraft/v1`` in the API server and adds the page "Updraft" to the navigation."""

    name = "updraft"
    external_views = [  # noqa: RUF012 (the base class declares lists, which Airflow changes in place)
        {
            "name": "Updraft",
            # Relative to the <base> of Airflow's page, so that the page is found behind any path of
            # [api] base_url.
            "href": f"{URL_PREFIX.removeprefix('/')}/page",
            "url_route": "updraft",
            "destination": "nav",
            "category": "browse",
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The routes, asked for by the API server alone: no other process pays for the import."""
        from airflow_updraft.plugin.app import create_app  # noqa: PLC0415

        return [{"name": "Updraft", "app": create_app(), "url_prefix": URL_PREFIX}]
