"""One file for each explorer: what it shows, says and refuses."""
