"""Reverse-ETL syncs: a model's rows to one destination, by keyed diff.

Only the destination's word makes a row accepted.
"""
