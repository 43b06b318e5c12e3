"""The HTTP door: what programs send and receive; all work is done by `penchant.operations`."""
