"""The only writers: one function per use case, one transaction, its journal and events inside."""
