"""Checks of the shared secret, and of the public key that devices read in the DAG's description."""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa

from airflow_updraft.airflow_bridge import SECRET_VARIABLE, configured_secret
from airflow_updraft.check.finding import Verdicts, failed, ok, skipped, warning
from airflow_updraft.check.site import Site, airflow_session
from airflow_updraft.errors import SecretError
from airflow_updraft.exchange.shared_secret import checked
from airflow_updraft.exchange.signature import public_key
from airflow_updraft.store.key_mark import key_mark
from airflow_updraft.store.tables import meta

_MAKE = f"airflow variables set {SECRET_VARIABLE} $(openssl rand -hex 32)"
_LABEL = "updraft-key: "
_WHY = "answers by DAG runs cannot be signed, nor restored backups be proven"


def check_secret(site: Site) -> Verdicts:
    """The secret is there, long enough, and readable by every part of Airflow."""
    try:
        if configured_secret():
            yield ok("[updraft] secret is set; it must be the same in every part of Airflow")
            return
    except SecretError as error:
        yield failed(
            f"[updraft] secret: {error}",
            _WHY,
            "export AIRFLOW__UPDRAFT__SECRET=$(openssl rand -hex 32)",
        )
        return
    if os.environ.get(f"AIRFLOW_VAR_{SECRET_VARIABLE.upper()}"):
        what = f"the secret is given as AIRFLOW_VAR_{SECRET_VARIABLE.upper()}"
        why = "the API server does not read it there, and signs with another"
        yield failed(
            what,
            why,
            f"export AIRFLOW__UPDRAFT__SECRET=…; unset AIRFLOW_VAR_{SECRET_VARIABLE.upper()}",
        )
        return
    yield from _of_the_variable(site)


def _of_the_variable(site: Site) -> Verdicts:
    row = _variable()
    if row is None and site.head.is_unused:
        yield ok(f"the Variable {SECRET_VARIABLE} is made when it is first needed")
    elif row is None:
        what = f"the Variable {SECRET_VARIABLE} is missing, though devices have exchanged"
        why = "it is made anew; devices that exchange by DAG runs wait until they know the new key"
        yield warning(what, why, f"restore it from Airflow's backup, or {_MAKE}")
    elif _is_unread(row):
        what = (
            f"the Variable {SECRET_VARIABLE} cannot be decrypted: [core] fernet_key is another one "
            "here"
        )
        why = "parts of Airflow with different keys sign with different secrets"
        yield failed(
            what, why, "export AIRFLOW__CORE__FERNET_KEY=…   (the same in every part of Airflow)"
        )
    else:
        try:
            checked(row.get_val())
        except SecretError as error:
            yield failed(str(error), _WHY, _MAKE)
            return
        yield ok(f"the Variable {SECRET_VARIABLE}")


def check_same_secret(site: Site) -> Verdicts:
    """The secret is the one that the API server signs with, which left a mark in the store."""
    with site.connect() as conn:
        mark = conn.scalar(sa.select(meta.c.key_mark).where(meta.c.id == 1))
    row = _variable()
    secret = configured_secret() or (row.get_val() if row is not None else None)
    if mark is None or secret is None:
        yield ok("no API server has signed so far")
    elif mark != key_mark(secret):
        what = "the secret is another one than the API server signs with"
        why = "proofs and answers of one part of Airflow count for nothing in the other"
        mend = "set the same [updraft] secret (AIRFLOW__UPDRAFT__SECRET) in every part of Airflow"
        yield failed(what, why, mend)
    else:
        yield ok("the secret that the API server signs with")


def _is_unread(row: Any) -> bool:
    """Tell whether Airflow cannot decrypt the value; without a key Airflow returns the cipher."""
    value = row.get_val()
    return value is None or (bool(row.is_encrypted) and str(value).startswith("gAAAA"))


def _variable() -> Any:
    from airflow.models.variable import Variable  # noqa: PLC0415 (tasks cannot import it)

    with airflow_session() as session:
        row = session.scalar(sa.select(Variable).where(Variable.key == SECRET_VARIABLE))
        if row is not None:
            session.expunge(row)
        return row


def check_published_key(_: Site) -> Verdicts:
    """The DAG's description names the key that belongs to the secret."""
    from airflow.models.serialized_dag import SerializedDagModel  # noqa: PLC0415

    with airflow_session() as session:
        dag = SerializedDagModel.get_dag("updraft_exchange", session=session)
        published = str(dag.doc_md or "").partition(_LABEL)[2].strip() if dag else ""
    secret = configured_secret() or ((row := _variable()) and row.get_val())
    if not published or not secret:
        yield skipped("the DAG updraft_exchange is not parsed yet, or there is no secret yet")
    elif published == "none-yet":
        what = "the DAG updraft_exchange publishes no key"
        why = (
            "devices that exchange by DAG runs wait; the DAG processor does not reach the store "
            "or the Variable"
        )
        mend = (
            "give the DAG processor the Connection updraft_default and [updraft] collections, then "
        )
        yield warning(what, why, f"{mend}airflow dags reserialize")
    elif published != public_key(secret):
        what = "the DAG updraft_exchange publishes a key that does not belong to the secret"
        why = "devices refuse every answer by DAG runs: the DAG processor has another secret"
        yield failed(
            what,
            why,
            "set the same [updraft] secret in every part of Airflow; airflow dags reserialize",
        )
    else:
        yield ok("the DAG updraft_exchange publishes the key of the secret")
