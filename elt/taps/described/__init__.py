"""The rest tap: any JSON API, described in elt.toml.

What a request is made of is data all the way; there is no language in it.
"""
