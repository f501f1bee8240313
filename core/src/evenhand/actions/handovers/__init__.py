"""Hand a book over: plan, change, execute, undo."""
