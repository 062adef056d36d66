"""Refused rows of targets are set aside, and large source losses await confirmation (ADR 37)."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create two empty tables: a target's cursor stands before the first row ever refused."""
    op.create_table(
        "updraft_refused_rows",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("sqlstate", sa.Text),
        sa.Column("column_name", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("table_shape", sa.Text, nullable=False),
    )
    op.create_table(
        "updraft_source_confirmations",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("missing", sa.BigInteger, nullable=False),
    )
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 8"))


downgrade = refuse_downgrade
