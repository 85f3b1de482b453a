"""`python -m elt.taps.stripe --config config.json --discover`."""

from __future__ import annotations

import sys

from elt.taps.host import main

if __name__ == "__main__":
    sys.exit(main(["elt.taps.stripe.tap:StripeTap", *sys.argv[1:]]))
