"""Yuzuri: give what is left on an eSIM (data, voice, messages) to someone who can use it."""
