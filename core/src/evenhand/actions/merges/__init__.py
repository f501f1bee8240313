"""Merge accounts that are the same customer, and undo it."""

from evenhand.actions.merges.merge import AlreadyMerged, Source, merge_accounts
from evenhand.actions.merges.unmerge import AlreadyUndone, Left, Unmerged, unmerge_account

__all__ = ["AlreadyMerged", "AlreadyUndone", "Left", "Source", "Unmerged", "merge_accounts", "unmerge_account"]
