"""Certificates: authorities, what they issue, and what devices bring along."""
