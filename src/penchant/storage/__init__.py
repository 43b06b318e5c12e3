"""What stays on disk: runs, and writing that is whole or not there."""
