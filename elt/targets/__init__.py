"""Singer messages become committed rows and bookmarks.

A warehouse is handed in; nothing here opens one by itself.
"""
