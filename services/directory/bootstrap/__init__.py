"""What accounts want written at bootstrap, and the objects that they define."""
