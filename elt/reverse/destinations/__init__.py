"""Built-in destinations, one file each; they do not know each other."""
