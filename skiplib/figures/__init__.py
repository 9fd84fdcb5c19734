"""Measured curves in matplotlib (layer L2): they take plain numbers and know neither torch nor widgets."""

import logging

# A home that cannot be written to, or a cache of fonts that is built for the first time, is no reader's business.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
