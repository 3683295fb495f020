"""The five services; each is one folder, and none imports another."""
