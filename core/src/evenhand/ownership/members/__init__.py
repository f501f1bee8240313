"""Who works on a record besides its owner: collaborators with shares, and watchers."""
