"""Renewals: devices asked for new certificates, what came of it, and who signs them."""
