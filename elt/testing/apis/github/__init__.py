"""GitHub's REST API, simulated."""
