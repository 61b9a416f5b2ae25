"""What looks at live endpoints, asks them, checks them, and cleans up after them."""
