"""GitHub's tap: repositories of organisations, people and lists, a mark for each."""
