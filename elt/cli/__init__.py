"""One file per group of commands: read arguments, call one function, print.

Only this package and elt.report reach rich and typer.
"""
