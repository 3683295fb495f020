"""Ownership: which account a device belongs to, claimed one by one or in bulk."""
