"""Oversight reviewer: see README.md."""
