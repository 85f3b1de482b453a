"""The hubspot tap: an account's CRM objects, and what stands around them.

Objects of all types are read in the same way; what differs is a row of a table.
"""
