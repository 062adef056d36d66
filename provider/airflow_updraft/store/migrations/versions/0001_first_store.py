"""The first store."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of version 1."""
    op.create_table(
        "updraft_meta",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("schema_version", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("horizon", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "updraft_records",
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("field_revisions", sa.JSON, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("updraft_records_by_revision", "updraft_records", ["revision"])
    op.create_index("updraft_records_by_collection", "updraft_records", ["collection", "revision"])
    op.create_table(
        "updraft_gone",
        sa.Column("user", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_index("updraft_gone_by_revision", "updraft_gone", ["user", "revision"])
    op.create_table(
        "updraft_replicas",
        sa.Column("replica_id", sa.Text, primary_key=True),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("nonce", sa.Text),
        sa.Column("hash", sa.Text),
        sa.Column("is_void", sa.Boolean, nullable=False),
        sa.Column("verdicts", sa.JSON(none_as_null=True)),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "updraft_consumers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("collection", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )


downgrade = refuse_downgrade
