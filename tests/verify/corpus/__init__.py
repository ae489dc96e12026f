"""Forward and backward passes in the manners of public code, and ways to change them."""

from . import models, norms, pointwise, sequences

PAIRS = [*pointwise.PAIRS, *norms.PAIRS, *models.PAIRS, *sequences.PAIRS]
