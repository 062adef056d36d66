"""What each device last said of itself: how much it holds, and how it is woken."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.migrations import refuse_downgrade

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A nullable column: a device of an older version says nothing."""
    op.add_column("updraft_replicas", sa.Column("device", sa.Text))
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 4"))


downgrade = refuse_downgrade
