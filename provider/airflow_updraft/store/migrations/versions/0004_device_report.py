"""Each device's last report: how much the device holds, and how the device is woken."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a nullable column: a device of an older version reports nothing."""
    op.add_column("updraft_replicas", sa.Column("device", sa.Text))
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 4"))


downgrade = refuse_downgrade
