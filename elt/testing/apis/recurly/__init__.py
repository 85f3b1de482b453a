"""Recurly's API v3, simulated."""
