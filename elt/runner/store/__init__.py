"""What a project remembers in `.elt/elt.db`: runs, events, copies of bookmarks.

`database` opens the file and brings it to the version that `migrations` ends with; the
others each read and write some of its tables.
"""
