"""Webhooks: events sent to addresses of a tenant's choice, signed, outside of any transaction."""
