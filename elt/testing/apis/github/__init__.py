"""A simulated GitHub REST API.

Rows are kept as GitHub would keep them; what a caller sees of them is made at each
request, for the version of the API that was asked for.
"""
