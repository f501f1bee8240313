"""Evenhand plugin: assignment."""
