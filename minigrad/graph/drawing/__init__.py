"""How pictures are laid out, checked and written."""
