"""Simulated APIs of vendors: stateful, seeded, on this machine.

A simulation refuses what the vendor refuses; each behaviour names where it is from.
"""
