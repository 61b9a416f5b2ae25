"""The guided tour behind `make demo`: train, deploy, predict, run a batch, look, clean up."""
