"""The tap of local files; `tap` has the Singer tap itself."""
