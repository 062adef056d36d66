"""Changes that a consumer cannot process are set aside with its words (ADR 48)."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create an empty table: no consumer has refused anything so far."""
    op.create_table(
        "updraft_refused_changes",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 9"))


downgrade = refuse_downgrade
