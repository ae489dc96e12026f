"""Forward and backward passes in the manners of public code, and ways to change them."""
