"""What objects are made of: the definitions that tell the types of values."""
