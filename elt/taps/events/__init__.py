"""The events tap: product events as they lie on disk, judged one by one.

A format turns lines into events or bad events and knows nothing of files or state.
"""
