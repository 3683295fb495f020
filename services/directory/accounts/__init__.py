"""Accounts, and the API keys by which callers act for them."""
