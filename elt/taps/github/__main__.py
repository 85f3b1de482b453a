"""`python -m elt.taps.github --config config.json --discover`."""

from __future__ import annotations

import sys

from elt.taps.host import main

if __name__ == "__main__":
    sys.exit(main(["elt.taps.github.tap:GithubTap", *sys.argv[1:]]))
