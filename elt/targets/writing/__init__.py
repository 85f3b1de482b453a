"""Rows become part of their tables, in one transaction with their bookmark.

Each write mode, and what a change of columns or a missing row does, has its module.
"""
