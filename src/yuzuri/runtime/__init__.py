"""What a running Yuzuri holds: the database, the one road, the operators and the clock."""
