"""Applied verdicts are kept as arrays, and only private collections have an index by owner."""

import sqlalchemy as sa
from alembic import op

from airflow_updraft.store.migrations import refuse_downgrade

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Rewrite nothing: older verdicts stay readable, and ``own_index`` makes the indexes."""
    op.drop_index("updraft_records_by_owner", "updraft_records")
    op.execute(sa.text("UPDATE updraft_meta SET schema_version = 5"))


downgrade = refuse_downgrade
