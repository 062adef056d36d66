"""How far each replica was told: a replica that knows more has seen a life before a restore."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a nullable column: earlier knowledge of a replica is unknown, and not held against it."""
    op.add_column("updraft_replicas", sa.Column("told", sa.BigInteger))
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 3"))


downgrade = refuse_downgrade
