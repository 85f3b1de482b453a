"""Stripe's API, simulated."""
