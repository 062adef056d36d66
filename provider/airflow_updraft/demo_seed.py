"""Creates the demo's two ordinary SQL tables: ``python -m airflow_updraft.demo_seed <URI>``.

``sites`` is the source of the collection of that name, ``inspections`` the target of captured
records. Running the module again changes nothing: existing rows stay.
"""

from __future__ import annotations

import sys

import sqlalchemy as sa

from airflow_updraft.store.tables import insert

metadata = sa.MetaData()

sites = sa.Table(
    "sites",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("name", sa.String(120), nullable=False),
    sa.Column("region", sa.String(60)),
    sa.Column("floor_area_m2", sa.Numeric(10, 1)),
)

inspections = sa.Table(
    "inspections",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("site", sa.String(200), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("reading", sa.Float),
    sa.Column("visits", sa.BigInteger),
    sa.Column("note", sa.Text),
    sa.Column("inspected_on", sa.Date),
)

SITES = (
    ("A7", "Harbour cold store", "North", 4200),
    ("B2", "Mill Lane depot", "North", 1850.5),
    ("B9", "Quarry workshop", "North", 620),
    ("C1", "Central bus garage", "Centre", 7400),
    ("C4", "Town hall annex", "Centre", 2310),
    ("C8", "Market hall", "Centre", 3980),
    ("D3", "Riverside pumping station", "East", 540.5),
    ("D6", "Eastgate school", "East", 5120),
    ("E5", "Lakeview clinic", "East", 2760),
    ("F1", "South water tower", "South", 210),
    ("F2", "Brewery warehouse", "South", 6650),
    ("G4", "Airfield hangar 2", "West", 3300),
)


def seed(engine: sa.Engine) -> None:
    """Create missing tables and missing sites."""
    metadata.create_all(engine)
    rows = [dict(zip(sites.c.keys(), site, strict=True)) for site in SITES]
    with engine.begin() as conn:
        conn.execute(insert(conn, sites).on_conflict_do_nothing(), rows)


def main(arguments: list[str]) -> int:
    """Seed the database named by the only argument."""
    if len(arguments) != 1:
        print("usage: python -m airflow_updraft.demo_seed <SQLAlchemy URI>", file=sys.stderr)
        return 2
    engine = sa.create_engine(arguments[0])
    try:
        seed(engine)
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
