"""People, their lines (eSIM subscriptions) and who is signed in."""
