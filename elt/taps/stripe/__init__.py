"""The stripe tap: lists once, then what `/v1/events` says has changed.

An object is always asked for in the version that is pinned; what an event shows of it
only tells that it changed.
"""
