"""Built-in taps; each file is a complete Singer tap that runs alone.

A tap knows nothing of elt but elt.singer.
"""
