"""The command line: `evenhand …`."""
