"""What an account has to say to a template before it is deployed; nothing is changed."""
