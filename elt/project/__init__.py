"""elt.toml, environments and secrets, as frozen values.

Everything above trusts these values; nothing above reads the file.
"""
