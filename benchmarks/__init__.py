"""Side-by-side figures on this machine; never part of the tests."""
