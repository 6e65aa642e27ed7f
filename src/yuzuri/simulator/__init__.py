"""Simulated phones, and the part of a core that charges for them: it speaks Nchf as a core does."""
