"""Duplicates before they hurt: by which keys two records are the same customer."""
