"""A store knows which Airflow it belongs to, and which secret that has (ADR 49)."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add two empty columns: a store is bonded at its next use."""
    op.add_column("updraft_meta", sa.Column("bond", sa.Text))
    op.add_column("updraft_meta", sa.Column("key_mark", sa.Text))
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 10"))


downgrade = refuse_downgrade
