"""The transport a replica last came through, and indexes for each part of the feed in order."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add a nullable column and indexes; nothing is rewritten."""
    op.add_column("updraft_replicas", sa.Column("transport", sa.Text))
    op.create_index(
        "updraft_records_by_owner", "updraft_records", ["collection", "owner", "revision"]
    )
    op.create_index(
        "updraft_records_tombstones",
        "updraft_records",
        ["revision"],
        postgresql_where=sa.text("deleted"),
        sqlite_where=sa.text("deleted"),
    )
    op.drop_index("updraft_records_by_revision", "updraft_records")
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 2"))


downgrade = refuse_downgrade
