"""Migrations of loyalty points."""
