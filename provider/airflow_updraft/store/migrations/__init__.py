"""Brings a store made by an older version of this package up to date, data and all.

Alembic is loaded only for a migration: an exchange through a DAG run is a fresh process each time.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from airflow_updraft.errors import StoreVersionError

VERSION_TABLE = "updraft_alembic_version"


def revision_name(schema_version: int) -> str:
    """The migration that leads to this schema version."""
    return f"{schema_version:04}"


def upgrade(conn: sa.Connection, schema_version: int) -> None:
    """Run the migrations after ``schema_version`` (0: all) inside the caller's transaction.

    ``updraft_meta.schema_version`` alone tells where a store stands; Alembic's own table is set to
    that first.
    """
    config = Config(attributes={"connection": conn, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(Path(__file__).parent))
    command.stamp(config, revision_name(schema_version) if schema_version else "base", purge=True)
    command.upgrade(config, "head")


def refuse_downgrade() -> None:
    """Refuse every downgrade: the newer version's data would be lost."""
    raise StoreVersionError(
        "a store is not downgraded, because what the newer version wrote would be lost: "
        "restore the backup made before the upgrade and run the new-epoch command"
    )
