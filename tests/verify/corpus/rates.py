"""How often the verifier is right about the corpus: ``python -m tests.verify.corpus.rates``."""
