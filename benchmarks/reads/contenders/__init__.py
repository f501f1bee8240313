"""Those that Evenhand is measured against; each is started as a process of its own."""
