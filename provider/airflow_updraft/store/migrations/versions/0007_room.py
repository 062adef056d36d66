"""Outcome of a replica's last batch beside the verdicts, and an index of replicas by user."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Count nothing anew: the page shows no counts of earlier batches."""
    op.add_column("updraft_replicas", sa.Column("outcome", sa.Text))
    op.create_index("updraft_replicas_by_user", "updraft_replicas", ["user"])
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 7"))


downgrade = refuse_downgrade
