"""Speed and memory beside PyTorch, JAX and HIPS autograd: `make bench`."""
