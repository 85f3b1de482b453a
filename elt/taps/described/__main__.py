"""`python -m elt.taps.described --config config.json --discover`."""

from __future__ import annotations

import sys

from elt.taps.host import main

if __name__ == "__main__":
    sys.exit(main(["elt.taps.described.tap:DescribedTap", *sys.argv[1:]]))
