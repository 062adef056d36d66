"""Who asks, and what they may: Airflow's auth manager decides, whichever it is.

The checks may block (a database, Keycloak over HTTP): run them in the gate, never on the event loop.
"""

from __future__ import annotations

from typing import Annotated, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, DagAccessEntity
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request

from airflow_updraft.airflow_bridge import STORE_CONNECTION
from airflow_updraft.plugin.problems import RouteError

EXCHANGE_DAG = "updraft_exchange"
CSRF_HEADER = "X-Updraft"

SignedIn = Annotated[BaseUser, Depends(get_user)]
"""Who asks; 401 without a token, 403 for a bad one, in Airflow's own words."""


async def _not_forged(request: Request, user: SignedIn) -> BaseUser:
    bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if not bearer and request.headers.get(CSRF_HEADER) != "1":
        # A page of another origin can make a browser send its cookie, but not this header without being asked.
        raise RouteError(403, "csrf", f"a request that signs in by cookie must carry the header {CSRF_HEADER}: 1")
    return user


Caller = Annotated[BaseUser, Depends(_not_forged)]
"""Who asks, of their own will: a cookie alone is not enough."""


def require_runs(request: Request, user: BaseUser, method: Literal["GET", "POST"]) -> None:
    """Require the right to read (GET) or to trigger (POST) runs of ``updraft_exchange``; raise HTTPException 403.

    The very check of Airflow's own routes for DAG runs: both transports need the same rights.
    """
    requires_access_dag(method, DagAccessEntity.RUN, EXCHANGE_DAG)(request, user)


def require_operator(request: Request, user: BaseUser) -> None:
    """Require an operator: the overview names every user and shows why their records were rejected.

    No check of the interface means "may see other users' exchanges". The right to edit the store's Connection comes
    nearest: who has it can point the store anywhere and read all of it, so the page shows them nothing they could not
    have. Airflow's own views (``is_authorized_view``) and reading the configuration are open to viewers in
    SimpleAuthManager. In SimpleAuthManager and FAB this is the role Op.
    """
    require_runs(request, user, "GET")
    manager: BaseAuthManager[BaseUser] = get_auth_manager()
    details = ConnectionDetails(conn_id=STORE_CONNECTION)
    if not manager.is_authorized_connection(method="PUT", details=details, user=user):
        raise HTTPException(403, "Forbidden")
