"""Where and how to compute: device choice, row blocks, kernels and neighbours as chunked matrix products.

Torch is imported by the functions that need it, never by importing this package.
"""

from ballast.compute.blocks import content_order, draw_rows, row_blocks, row_keys
from ballast.compute.devices import device
from ballast.compute.kernels import gaussian_kernel, median_distance, nearest_neighbors, squared_distances
from ballast.compute.scaling import joint_scaling
from ballast.compute.threads import threads_for

__all__ = [
    "content_order",
    "device",
    "draw_rows",
    "gaussian_kernel",
    "joint_scaling",
    "median_distance",
    "nearest_neighbors",
    "row_blocks",
    "row_keys",
    "squared_distances",
    "threads_for",
]
