"""Recurly's tap, for version 3 of its API."""
