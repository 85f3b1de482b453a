"""The Singer protocol: messages, catalogs, and taps as processes.

Knows nothing of warehouses.
"""
