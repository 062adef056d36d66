"""How far each replica was told of the store: one that knows more has seen a life that a restore ended."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.migrations import refuse_downgrade

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A nullable column: what a replica was told before is not known, and not held against it."""
    op.add_column("updraft_replicas", sa.Column("told", sa.BigInteger))
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 3"))


downgrade = refuse_downgrade
