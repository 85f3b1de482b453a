"""What keeps a project in health between its runs.

`doctor` looks and changes nothing; all others work under the project's lock.
"""
