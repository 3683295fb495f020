"""Associations that leave memory: the store has them, or is to forget them."""
