"""Other libraries, each in an environment of its own, asked over files what our side is asked."""
