"""Automation without code: when something happens, and if a condition holds, then do something."""
