"""Evenhand: a minimal CRM core that knows who owns which customer, and why."""

API_VERSION = "0.1"
"""Version of the contract with plugins; it moves separately from the release."""

__all__ = ["API_VERSION"]
