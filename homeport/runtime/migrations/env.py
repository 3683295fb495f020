"""What Alembic runs: the connection and the schema are given."""

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table_schema=given["schema"])
context.run_migrations()
