"""Evenhand plugin: commission."""
