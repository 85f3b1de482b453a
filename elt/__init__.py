"""elt: taps to a warehouse, through dbt, into syncs, as one job."""
