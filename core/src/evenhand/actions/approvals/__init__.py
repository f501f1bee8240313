"""The actions on approvals: what needs one, requests, decisions, deadlines and deputies."""
