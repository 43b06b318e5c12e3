"""`python -m penchant` is `penchant`."""

from penchant.cli import main

main()
