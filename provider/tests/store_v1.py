"""A store as made by version 1 of the package, with data; frozen text apart from today's tables."""

from __future__ import annotations

import sqlalchemy as sa

TABLES = """\
CREATE TABLE updraft_consumers (name TEXT NOT NULL, collection TEXT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY (name, collection));
CREATE TABLE updraft_gone ("user" TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  PRIMARY KEY ("user", collection, id));
CREATE INDEX updraft_gone_by_revision ON updraft_gone ("user", revision);
CREATE TABLE updraft_meta (id INTEGER NOT NULL, schema_version INTEGER NOT NULL,
  epoch TEXT NOT NULL,
  revision BIGINT NOT NULL, horizon BIGINT NOT NULL, PRIMARY KEY (id));
CREATE TABLE updraft_records (collection TEXT NOT NULL, id TEXT NOT NULL,
  revision BIGINT NOT NULL,
  created BIGINT NOT NULL, fields JSON NOT NULL, field_revisions JSON NOT NULL,
  deleted BOOLEAN NOT NULL, owner TEXT,
  updated_by TEXT NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (collection, id));
CREATE INDEX updraft_records_by_revision ON updraft_records (revision);
CREATE INDEX updraft_records_by_collection ON updraft_records (collection, revision);
CREATE TABLE updraft_replicas (replica_id TEXT NOT NULL, "user" TEXT NOT NULL, epoch TEXT NOT NULL,
  number BIGINT NOT NULL, nonce TEXT, hash TEXT, is_void BOOLEAN NOT NULL, verdicts JSON,
  last_seen TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (replica_id))"""

NOW = "'2025-06-01 10:00:00+00:00'"

DATA = f"""\
INSERT INTO updraft_meta VALUES (1, 1, 'old-epoch', 4, 2);
INSERT INTO updraft_records VALUES
  ('asks', 'a', 4, 1, '{{"note": "\\u00e9", "visits": 2}}', '{{"visits": 4}}',
   false, 'ana', 'ana', {NOW});
INSERT INTO updraft_records VALUES ('asks', 'b', 3, 3, '{{}}', '{{}}', true, 'bob', 'bob', {NOW});
INSERT INTO updraft_gone VALUES ('bob', 'diary', 'c', 3);
INSERT INTO updraft_consumers VALUES ('scoring', 'asks', 3);
INSERT INTO updraft_replicas VALUES ('r1', 'ana', 'old-epoch', 7, 'n7', 'h7', false,
  '[{{"collection": "asks", "id": "a", "verdict": "applied", "revision": 4}}]', {NOW});
INSERT INTO updraft_replicas VALUES ('r2', 'bob', 'old-epoch', 0, NULL, NULL, false, NULL, {NOW})"""


def create(engine: sa.Engine) -> None:
    """Make the store in an empty database."""
    sqlite = engine.dialect.name == "sqlite"
    tables = TABLES.replace("TIMESTAMP WITH TIME ZONE", "DATETIME") if sqlite else TABLES
    data = DATA.replace("+00:00", ".000000") if sqlite else DATA
    with engine.begin() as conn:
        for statement in f"{tables};{data}".split(";"):
            conn.execute(sa.text(statement.replace(":00:00", "\\:00\\:00").replace('": ', '"\\: ')))
