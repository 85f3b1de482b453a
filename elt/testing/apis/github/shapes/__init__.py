"""What a caller sees of a row: objects with the keys of GitHub's OpenAPI description.

A `Site` knows where it is served and for which version of the API.
"""
