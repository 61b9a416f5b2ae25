"""The command `inference`."""
