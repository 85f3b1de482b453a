"""The database that taps load into, dbt builds in and syncs read from.

One owner opens the file at a time and closes it as soon as it can.
"""
