"""The trust view: what edges believe, kept equal to what PostgreSQL holds."""
