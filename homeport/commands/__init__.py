"""The command line's groups that use the API, as any program could through the client.

What they print is a table for a person, or one JSON object a line with ``--json``.
"""
