"""The ledger counts and names answers: a restored store does not know later answers (ADR 35)."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; no device has a proof of an earlier answer."""
    op.add_column(
        "updraft_replicas", sa.Column("answers", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column(
        "updraft_replicas", sa.Column("receipts", sa.Text, nullable=False, server_default="")
    )
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 6"))


downgrade = refuse_downgrade
