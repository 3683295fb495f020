"""``python -m homeport`` is the same as ``homeport``."""

from homeport.cli import main

if __name__ == "__main__":
    main()
