"""A simulated Recurly: API v3, version v2021-02-25.

Where a rule says "specification", it is Recurly's OpenAPI document of that version.
"""
