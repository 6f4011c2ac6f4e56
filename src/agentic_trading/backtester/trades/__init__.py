"""The trades of a run: what its fills and funding come to from flat to flat."""
