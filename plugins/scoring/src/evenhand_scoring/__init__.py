"""Evenhand plugin: scoring."""
