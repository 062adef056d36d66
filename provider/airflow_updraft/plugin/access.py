"""Authentication and rights of a request, as decided by Airflow's auth manager, of any kind.

The checks may block (a database, Keycloak over HTTP): run these in the gate, never on the event
loop.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from contextlib import suppress
from typing import Annotated, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import (
    COOKIE_NAME_JWT_TOKEN,
    BaseAuthManager,
)
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import (
    ConnectionDetails,
    DagAccessEntity,
)
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request

from airflow_updraft.airflow_bridge import STORE_CONNECTION
from airflow_updraft.plugin.problems import RouteError

EXCHANGE_DAG = "updraft_exchange"
CSRF_HEADER = "X-Updraft"

SignedIn = Annotated[BaseUser, Depends(get_user)]
"""The signed-in user; 401 without a token, 403 for a bad token, in Airflow's own words."""


async def _not_forged(request: Request, user: SignedIn) -> BaseUser:
    # A page of another origin can make a browser send a cookie, but not this header without asking.
    if request.headers.get(CSRF_HEADER) == "1":
        return user
    token = _header_token(request)
    if token and COOKIE_NAME_JWT_TOKEN not in request.cookies:
        return user
    if token:
        # Beside a cookie the header may be there for show: Airflow 3.1 prefers the cookie, and then
        # looks at no token.
        with suppress(Exception):
            named = await get_auth_manager().get_user_from_token(token)
            if named.get_id() == user.get_id():
                return user
    raise RouteError(
        403, "csrf", f"a request that signs in by cookie must carry the header {CSRF_HEADER}: 1"
    )


def _header_token(request: Request) -> str:
    """Return the token of the header Authorization, ``""`` if missing or of another scheme."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


Caller = Annotated[BaseUser, Depends(_not_forged)]
"""The user who asks willingly: a cookie alone is not enough."""


def who_is(user: BaseUser) -> str:
    """Return the user's name for lines and counts, as in the token."""
    return str(user.get_id())


def who_claims(request: Request) -> str:
    """Return the user that the request's token names, unverified; ``""`` without a readable token.

    The name serves a single purpose: to turn away, at next to no cost, a user with too large a
    share already.
    """
    token = _header_token(request) or request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    try:
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        return str(claims["sub"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ""


def require_runs(request: Request, user: BaseUser, method: Literal["GET", "POST"]) -> None:
    """Require the right to read (GET) or trigger (POST) runs of ``updraft_exchange``.

    Raises HTTPException 403. Airflow's own routes for DAG runs make this very check: both
    transports need the same rights.
    """
    requires_access_dag(method, DagAccessEntity.RUN, EXCHANGE_DAG)(request, user)


def may_write(request: Request, user: BaseUser) -> bool:
    """Require the right to read runs; return whether the user may trigger runs as well.

    Raises HTTPException 403. The larger right is checked first: most users have both, and then no
    second check follows.
    """
    try:
        require_runs(request, user, "POST")
    except HTTPException:
        require_runs(request, user, "GET")
        return False
    return True


def require_operator(request: Request, user: BaseUser) -> None:
    """Require an operator: the overview names all users and shows why records were rejected.

    No check of the interface means "may see other users' exchanges". The right to edit the store's
    Connection comes nearest: such a user can point the store anywhere and read everything, so the
    page shows nothing new. Airflow's own views (``is_authorized_view``) and reading the
    configuration are open to viewers in SimpleAuthManager. In SimpleAuthManager and FAB this is the
    role Op.
    """
    require_runs(request, user, "GET")
    manager: BaseAuthManager[BaseUser] = get_auth_manager()
    details = ConnectionDetails(conn_id=STORE_CONNECTION)
    if not manager.is_authorized_connection(method="PUT", details=details, user=user):
        raise HTTPException(403, "Forbidden")
