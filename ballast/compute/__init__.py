"""Where and how to compute: device choice, row blocks, kernels and neighbours as chunked matrix products.

Torch is imported by the functions that need it, never by importing a module of this package.
"""
