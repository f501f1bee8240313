"""Loyalty points for Evenhand."""
