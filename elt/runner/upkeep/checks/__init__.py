"""What `elt doctor` looks at, an area a file. Nothing is changed, nobody is called."""
