"""Approvals: what somebody else must agree to before it is done."""
