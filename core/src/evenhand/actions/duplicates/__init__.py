"""Duplicates: the keys of records, and the check of new ones."""
