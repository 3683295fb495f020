"""Where Alembic begins; the steps are those of the service that migrates."""
