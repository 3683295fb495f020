"""What devices and servers prove themselves with: authorities, certificates, keys."""
