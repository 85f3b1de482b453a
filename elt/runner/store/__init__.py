"""What a project remembers in `.elt/elt.db`: runs, events, copies of bookmarks.

`database` opens the file; the others each read and write some of its tables.
"""
