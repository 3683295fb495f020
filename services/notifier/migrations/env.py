"""What Alembic runs: the connection is given, the schema is ours."""

from alembic import context

from services.notifier.schema import SCHEMA

context.configure(
    connection=context.config.attributes["connection"], version_table_schema=SCHEMA
)
context.run_migrations()
