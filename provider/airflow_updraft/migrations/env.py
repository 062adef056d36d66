"""Alembic's entry: the migrations run on the connection, and in the transaction, they are given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
