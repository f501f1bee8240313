"""Evenhand plugin: importers."""
