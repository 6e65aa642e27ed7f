"""Network functions: who they are, what they may use, and where they may be told something."""
