"""Content formats: the ways in which a device says the same records.

`codecs` is the door: it knows every format by its number and its media type.
"""
