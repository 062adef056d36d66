"""The named user: found by the auth manager, with rights and a token as after a sign-in."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import STORE_CONNECTION
from airflow_updraft.check.finding import Verdicts, failed, ok, skipped, warning
from airflow_updraft.check.site import Site, airflow_session

_DAG = "updraft_exchange"
TOKEN_SECONDS = 60
NAME_ONE = "no user was named: add --user NAME"


class UnknownUserError(Exception):
    """No user of this name is there; the message is the command that adds one."""


class UnaskableManagerError(Exception):
    """The auth manager knows nobody by name alone."""


def find_user(name: str) -> tuple[Any, Any]:
    """The auth manager and its user; raises UnknownUserError or UnaskableManagerError."""
    from airflow.api_fastapi.app import create_auth_manager  # noqa: PLC0415 (tasks cannot import it)

    manager: Any = create_auth_manager()
    kind = type(manager).__name__
    if kind == "SimpleAuthManager":
        return manager, _simple_user(manager, name)
    if kind == "FabAuthManager":
        return manager, _fab_user(manager, name)
    raise UnaskableManagerError(f"{kind} knows no user before they sign in: open Airflow as {name}")


def _simple_user(manager: Any, name: str) -> Any:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser  # noqa: PLC0415

    # Airflow 3.1 gives dictionaries.
    known = (user if isinstance(user, dict) else vars(user) for user in manager.get_users())
    roles = {user["username"]: user["role"] for user in known}
    if name not in roles:
        raise UnknownUserError(f'export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="…,{name}:user"')
    return SimpleAuthManagerUser(username=name, role=roles[name])


def _fab_user(manager: Any, name: str) -> Any:
    User: Any = import_module("airflow.providers.fab.auth_manager.models").User  # noqa: N806 (a class)
    with airflow_session() as session:
        found = session.execute(
            sa.select(User.id, User.active).where(User.username == name)
        ).one_or_none()
    if found is None or not found.active:
        mend = (
            f"airflow users create --username {name} --role User --firstname … --lastname … "
            "--email …"
        )
        raise UnknownUserError(mend)
    return manager.deserialize_user({"sub": str(found.id)})


def token_of(name: str) -> str:
    """A token of this user that lasts a minute, signed as the API server signs them."""
    manager, user = find_user(name)
    return str(manager.generate_jwt(user, expiration_time_in_seconds=TOKEN_SECONDS))


def check_user(site: Site) -> Verdicts:
    """The named user may read and trigger runs of ``updraft_exchange``, and read their XComs."""
    if not site.user:
        yield skipped(NAME_ONE)
        return
    try:
        manager, user = find_user(site.user)
    except UnaskableManagerError as error:
        yield skipped(str(error))
        return
    except UnknownUserError as error:
        what = f"the auth manager knows no user {site.user!r}"
        yield failed(what, "nobody can sign in by this name", str(error))
        return
    yield from _rights(manager, user, site.user)


def _rights(manager: Any, user: Any, name: str) -> Verdicts:
    from airflow.api_fastapi.auth.managers.models.resource_details import (  # noqa: PLC0415
        ConnectionDetails,
        DagAccessEntity,
        DagDetails,
    )

    def may(method: str, entity: Any) -> bool:
        details = DagDetails(id=_DAG)
        return bool(
            manager.is_authorized_dag(
                method=method, access_entity=entity, details=details, user=user
            )
        )

    connection = ConnectionDetails(conn_id=STORE_CONNECTION)
    has = {
        "read runs": may("GET", DagAccessEntity.RUN),
        "trigger runs": may("POST", DagAccessEntity.RUN),
        "read XComs": may("GET", DagAccessEntity.XCOM),
        "see the page": manager.is_authorized_connection(
            method="PUT", details=connection, user=user
        ),
    }
    mend = _mend(manager, name)
    lacking = [right for right in ("read runs", "trigger runs") if not has[right]]
    if "read runs" in lacking:
        what = f"{name} may not {' nor '.join(lacking)} of {_DAG}"
        yield failed(what, "every request of their devices is answered 403", mend)
    elif lacking:
        what = f"{name} may read runs of {_DAG}, and may not trigger any"
        yield failed(what, "their devices show records and can send none", mend)
    elif not has["read XComs"]:
        what = f"{name} may not read XComs of {_DAG}"
        yield warning(what, "devices that exchange by DAG runs find no answer", mend)
    else:
        page = "" if has["see the page"] else "; not the page Updraft, which is for operators"
        yield ok(f"{name} may read and send{page}")


def _mend(manager: Any, name: str) -> str:
    if type(manager).__name__ == "SimpleAuthManager":
        return f'export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS="…,{name}:user"'
    return f"airflow users add-role --username {name} --role User"
