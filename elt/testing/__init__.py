"""For plugin writers and the demo: fakes, and a made-up company.

No pytest in here.
"""
