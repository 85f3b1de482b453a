"""What taps of JSON APIs share: asking, paging, and records that stay as they came.

A vendor's tap is tables and a few functions on top of these.
"""
