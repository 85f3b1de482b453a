"""dbt, as a part of the run.

Only transform.dbt imports dbt.
"""
